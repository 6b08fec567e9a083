import type { Reservation, RoomRequest } from '../executor/executor.ts';
import type { TokenPool } from './jobserver.ts';

/** How often to look for a free token while an action wants one: makes return their tokens without notice. */
const tokenPollMilliseconds = 50;

export interface LocalSlotsOptions {
  /** Maximum number of actions that run concurrently. At least 1. */
  readonly jobs: number;
  /** Memory that actions may reserve together, in MiB; an action that wants more runs alone. */
  readonly memoryMiB: number;
  readonly tokens: TokenPool;
  /**
   * Whether this machine is doing other work for the build, such as unpacking, which counts as one job. Undefined:
   * never.
   */
  readonly otherWork?: () => boolean;
}

/** Room for actions on this machine: job slots, memory, and a jobserver token for each. */
export class LocalSlots {
  readonly #options: LocalSlotsOptions;
  readonly #taken = new Set<Pick<RoomRequest, 'memory'>>();
  readonly #onRoom: () => void;
  #poll: NodeJS.Timeout | undefined;

  /** @param onRoom called when there may be room after `tryReserve` found none */
  constructor(options: LocalSlotsOptions, onRoom: () => void) {
    this.#options = options;
    this.#onRoom = onRoom;
  }

  /** Undefined: no room now. */
  tryReserve({ memory }: Pick<RoomRequest, 'memory'>): Reservation | undefined {
    const { jobs, memoryMiB, tokens, otherWork } = this.#options;
    const taken = this.#taken;
    if (taken.size >= Math.max(1, jobs - (otherWork?.() === true ? 1 : 0))) return undefined;
    const used = [...taken].reduce((sum, other) => sum + other.memory, 0);
    if (taken.size > 0 && used + memory > memoryMiB) return undefined;
    // Nobody holds a token now, so any missing token was lost with a killed make.
    if (taken.size === 0) tokens.restore();
    if (!tokens.take()) {
      this.#poll ??= setTimeout(() => {
        this.#poll = undefined;
        this.#onRoom();
      }, tokenPollMilliseconds);
      return undefined;
    }
    const slot = { memory };
    taken.add(slot);
    return {
      release: () => {
        if (!taken.delete(slot)) return;
        tokens.giveBack();
        this.#onRoom();
      },
    };
  }

  /** Closes the token pool. Nothing can be reserved afterwards. */
  close(): void {
    clearTimeout(this.#poll);
    this.#poll = undefined;
    this.#options.tokens.close();
  }
}

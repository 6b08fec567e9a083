import type { Reservation, RoomRequest } from '../executor/executor.ts';
import type { TokenPool } from './jobserver.ts';

/** How often a free token is looked for while an action wants one: a make gives its tokens back unseen. */
const tokenPollMilliseconds = 50;

export interface LocalSlotsOptions {
  /** Actions that run side by side at most. At least 1. */
  readonly jobs: number;
  /** What actions may set aside together, in MiB; one that wants more runs alone. */
  readonly memoryMiB: number;
  readonly tokens: TokenPool;
  /** Whether this machine does other work for the build, such as unpacking: that counts as one job. Undefined: never. */
  readonly otherWork?: () => boolean;
}

/** Room for actions on this machine: job slots, memory, and a token of the jobserver for each. */
export class LocalSlots {
  readonly #options: LocalSlotsOptions;
  readonly #taken = new Set<Pick<RoomRequest, 'memory'>>();
  readonly #onRoom: () => void;
  #poll: NodeJS.Timeout | undefined;

  /** @param onRoom called when there may be room after `tryReserve` had none */
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
    // Nobody holds a token now, so that any which is missing was lost with a killed make.
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

  /** Closes the pool of tokens. Nothing is reserved any more. */
  close(): void {
    clearTimeout(this.#poll);
    this.#poll = undefined;
    this.#options.tokens.close();
  }
}

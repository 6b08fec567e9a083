import type { Reservation, RoomRequest } from '../executor/executor.ts';
import { reservation } from '../executor/reservation.ts';
import type { Arch } from '../inputs/arch.ts';

/** What a guest has. */
export interface GuestSize {
  /** MiB. */
  readonly memory: number;
  readonly processors: number;
}

/** What a guest needs beside the action's own memory: kernel, initramfs, init. MiB. */
const guestOverhead = 192;

/** Room for guests on this machine: as many processors as there may be guests of one, and memory. */
export class GuestRoom {
  readonly #emulator: Pick<Arch['emulator'], 'memory' | 'processors'>;
  readonly #all: GuestSize;
  readonly #listeners = new Set<() => void>();
  readonly #sizes = new WeakMap<Reservation, GuestSize>();
  #taken: GuestSize = { memory: 0, processors: 0 };

  /** @param all what all guests may have together */
  constructor(emulator: Pick<Arch['emulator'], 'memory' | 'processors'>, all: GuestSize) {
    this.#emulator = emulator;
    this.#all = all;
  }

  /** Undefined: none now. At least one guest can always run, whatever it wants. */
  tryReserve(wanted: Pick<RoomRequest, 'memory' | 'processors'>): Reservation | undefined {
    const free = this.#all.processors - this.#taken.processors;
    // One that waited for several would wait as long as others want one.
    const size = this.#sizeFor({
      ...wanted,
      processors: Math.min(wanted.processors ?? 1, free),
    });
    const memory = this.#taken.memory + size.memory;
    const processors = this.#taken.processors + size.processors;
    const isRoom = memory <= this.#all.memory && processors <= this.#all.processors;
    if (this.#taken.processors > 0 && !isRoom) return undefined;
    this.#taken = { memory, processors };
    const room = reservation(() => {
      this.#taken = {
        memory: this.#taken.memory - size.memory,
        processors: this.#taken.processors - size.processors,
      };
      for (const listener of this.#listeners) listener();
    });
    this.#sizes.set(room, size);
    return room;
  }

  /** The guest that a reservation is for. */
  sizeOf(room: Reservation): GuestSize {
    return this.#sizes.get(room) ?? this.#sizeFor({ memory: 0 });
  }

  onRoom(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Memory that the board has by preset at least, and nothing beyond what it can have. */
  #sizeFor({ memory, processors = 1 }: Pick<RoomRequest, 'memory' | 'processors'>): GuestSize {
    const { memory: board, processors: most = 1 } = this.#emulator;
    return {
      memory: Math.min(board.limit ?? Infinity, Math.max(board.preset, memory + guestOverhead)),
      processors: Math.max(1, Math.min(processors, this.#all.processors, most)),
    };
  }
}

import { setImmediate } from 'node:timers/promises';

/**
 * Lets long synchronous work yield to the event loop. Synchronous file system calls cost a fifth of asynchronous ones
 * on trees of many small files; the price is that the event loop waits, so the work yields whenever its time slice is
 * used up.
 */
export class TimeSlice {
  readonly #milliseconds: number;
  #until: number;

  constructor(milliseconds = 10) {
    this.#milliseconds = milliseconds;
    this.#until = performance.now() + milliseconds;
  }

  get spent(): boolean {
    return performance.now() >= this.#until;
  }

  /** Lets everything else that is waiting run once, then starts a new slice. */
  async giveWay(): Promise<void> {
    await setImmediate();
    this.#until = performance.now() + this.#milliseconds;
  }
}

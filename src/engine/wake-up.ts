/** Wakes one waiter. A call without a waiter is kept for the next wait. */
export class WakeUp {
  #called = false;
  #wake: (() => void) | undefined;

  readonly call = (): void => {
    this.#called = true;
    this.#wake?.();
  };

  /** Waits until it is called. */
  async wait(): Promise<void> {
    if (!this.#called) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = undefined;
    this.#called = false;
  }
}

/** Wakes one waiter. A call that nobody waits for is kept for the next wait. */
export class WakeUp {
  #called = false;
  #wake: (() => void) | undefined;

  readonly call = (): void => {
    this.#called = true;
    this.#wake?.();
  };

  /** Until it is called. */
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

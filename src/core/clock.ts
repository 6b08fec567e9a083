/** Time as something that waits may take it, so that a test can be its master. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls once when so many milliseconds have passed, unless the returned function is called before. */
  after(milliseconds: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
};

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Interrupt {
  /** Aborted with the signal's name as reason. */
  readonly signal: AbortSignal;
  /** Restores the default handling of the signals. */
  release(): void;
}

/**
 * Turns the first Ctrl-C (or SIGTERM, SIGHUP) into an abort, which ends running actions and what they started. A second
 * one ends this process immediately; sandboxes die with it, because each has a parent-death signal.
 *
 * @param say tells the user that the first one was received
 * @param beforeExit restores the terminal when there is no time for more
 */
export function catchInterrupts(say: (line: string) => void, beforeExit: () => void): Interrupt {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      beforeExit();
      process.kill(process.pid, 'SIGKILL');
      return;
    }
    controller.abort(name);
    say(`bootstrap: ${name}, stopping what is running; send it again to exit immediately`);
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}

/** Runs `work` with a signal that the first Ctrl-C aborts. */
export async function interruptible<Value>(
  say: (text: string) => void,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const interrupt = catchInterrupts(
    (line) => say(`${line}\n`),
    () => undefined,
  );
  try {
    return await work(interrupt.signal);
  } finally {
    interrupt.release();
  }
}

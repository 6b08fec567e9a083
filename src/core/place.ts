/** Where this program stands. */
export interface Place {
  /** Absolute path of the repository, without links and without a slash at its end. */
  readonly repository: string;
  /** Absolute path of the directory that holds the compiled program. */
  readonly compiled: string;
}

/**
 * Where this program stands, as its first module found it (`src/start`). Nothing else finds that out: a module that is
 * compiled does not lie where it was written.
 */
export function place(): Place {
  const found = (globalThis as Readonly<Record<symbol, unknown>>)[Symbol.for('bootstrap.place')];
  if (found === undefined) throw new Error('the program was not started by src/start');
  return found as Place;
}

/** Where this program is. */
export interface Place {
  /** Absolute path of the repository, without links and without a slash at its end. */
  readonly repository: string;
  /** Absolute path of the directory that holds the compiled program. */
  readonly compiled: string;
}

/**
 * Where this program is, as determined by its first module (`src/start`). Nothing else determines that: a compiled
 * module is not where its source is.
 */
export function place(): Place {
  const found = (globalThis as Readonly<Record<symbol, unknown>>)[Symbol.for('bootstrap.place')];
  if (found === undefined) throw new Error('the program was not started by src/start');
  return found as Place;
}

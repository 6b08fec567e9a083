import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { PlannedSource } from './action.ts';

/** Provides sources: fetched, verified, unpacked, normalised and patched. */
export interface SourceProvider {
  /**
   * Digest of the patched tree if it is known from earlier work (same pinned tree, same patches), without
   * fetching or reading anything large. The tree itself may be gone.
   */
  recall(source: PlannedSource): Promise<Digest | undefined>;
  /** Makes sure that the patched tree is in the store. */
  obtain(source: PlannedSource, progress: (line: string) => void): Promise<Result<Digest, Failure>>;
}

/** Provides the build machine's own programs as trees in the store. */
export interface MachineProvider {
  /** Probes, lists, digests and copies; what has not changed since the last run (by stat records) is not read again. */
  obtain(kind: 'compiler' | 'machine-utilities'): Promise<Result<Digest, Failure>>;
}

/** Provides the user's directories that a plan names. */
export interface DirectoryProvider {
  /** Copies one into the store. Fails with `changed-since-plan` if it has changed since the plan was made. */
  obtain(name: string, expected: Digest): Promise<Result<Digest, Failure>>;
}

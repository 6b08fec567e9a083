import type { Failure } from '../core/failure.ts';
import { failed, type Result } from '../core/result.ts';

/**
 * An expected failure of the file system in a method of the store that has no `Result` to put it in
 * (no room for a note, say). Whoever stands on top catches it and shows `failure`.
 */
export class StoreFault extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`store: ${JSON.stringify(failure)}`);
    this.name = 'StoreFault';
    this.failure = failure;
  }
}

/** Error code of a failed system call (`ENOENT`); undefined for every other error. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * What a failed system call means to the user; undefined when it is none that a user can help.
 * `path` stands in when the error names no file.
 */
export function describeSystemError(error: unknown, path: string): Failure | undefined {
  const at = error instanceof Error && 'path' in error && typeof error.path === 'string' ? error.path : path;
  const detail = error instanceof Error ? error.message : '';
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return { reason: 'no-room', path: at, detail };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return { reason: 'unwritable', path: at, detail };
    default:
      return undefined;
  }
}

/** Runs `work`; what a user can help becomes a failure, everything else is thrown on. */
export async function catchFailures<Value>(
  path: string,
  work: () => Promise<Result<Value, Failure>>,
): Promise<Result<Value, Failure>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreFault) return failed(error.failure);
    const failure = describeSystemError(error, path);
    if (failure === undefined) throw error;
    return failed(failure);
  }
}

/** Runs `work`; what a user can help is thrown as a `StoreFault`, everything else as it is. */
export async function throwFaults<Value>(path: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    const failure = describeSystemError(error, path);
    throw failure === undefined ? error : new StoreFault(failure);
  }
}

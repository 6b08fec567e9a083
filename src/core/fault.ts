import type { Failure } from './failure.ts';
import { failed, type Result } from './result.ts';
import { errorCode } from './system-error.ts';
import { inodeShortageAt } from './room.ts';

export { errorCode } from './system-error.ts';

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

/**
 * What a failed system call means to the user; undefined when it is none that a user can help.
 * `path` stands in when the error names no file.
 */
export function describeSystemError(error: unknown, path: string): Failure | undefined {
  const detail = error instanceof Error ? error.message : '';
  switch (errorCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return noRoomAt(pathIn(error, 'dest') ?? pathIn(error, 'path') ?? path, detail);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return { reason: 'unwritable', path: pathIn(error, 'path') ?? path, detail };
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ELOOP':
      return inTheWay(pathIn(error, 'dest') ?? pathIn(error, 'path') ?? path, detail);
    default:
      return undefined;
  }
}

/** A directory lies where a file belongs, or the other way round. */
export function inTheWay(path: string, detail: string): Failure {
  return {
    reason: 'unwritable',
    path,
    detail: `Something else lies in its place: move or remove it.\n${detail}`,
  };
}

/** The file system of `path` is full; where it lacks inodes and not bytes, `detail` gets a line that says so. */
export function noRoomAt(path: string, detail: string): Failure {
  const inodes = inodeShortageAt(path);
  return { reason: 'no-room', path, detail: inodes === undefined ? detail : `${detail}\n${inodes}` };
}

/** A path that a system call was given: `dest` is the file that a copy or a renaming was to make. */
function pathIn(error: unknown, field: 'path' | 'dest'): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, field) : undefined;
  return typeof value === 'string' ? value : undefined;
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

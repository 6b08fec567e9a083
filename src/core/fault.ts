import type { Failure } from './failure.ts';
import { failed, type Result } from './result.ts';
import { errorCode } from './system-error.ts';
import { inodeShortageAt } from './room.ts';

export { errorCode } from './system-error.ts';

/**
 * An expected failure of the file system in a method of the store that has no `Result` to put it in
 * (for example, no space for a note). The outermost caller catches it and shows `failure`.
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
 * What a failed system call means to the user; undefined if the user cannot do anything about it.
 * `path` is used if the error names no file.
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

/** There is a directory where a file belongs, or the other way round. */
export function inTheWay(path: string, detail: string): Failure {
  return {
    reason: 'unwritable',
    path,
    detail: `Something else is there: move or remove it.\n${detail}`,
  };
}

/** The file system of `path` is full; if it lacks inodes rather than bytes, `detail` gets a line that says so. */
export function noRoomAt(path: string, detail: string): Failure {
  const inodes = inodeShortageAt(path);
  return { reason: 'no-room', path, detail: inodes === undefined ? detail : `${detail}\n${inodes}` };
}

/** A path that was passed to a system call: `dest` is the destination of a copy or a rename. */
function pathIn(error: unknown, field: 'path' | 'dest'): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, field) : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** Runs `work`; errors that a user can do something about become failures, all others are rethrown. */
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

/** Runs `work`; errors that a user can do something about are thrown as a `StoreFault`, all others unchanged. */
export async function throwFaults<Value>(path: string, work: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    const failure = describeSystemError(error, path);
    throw failure === undefined ? error : new StoreFault(failure);
  }
}

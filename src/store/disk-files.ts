import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describeSystemError, errorCode, inTheWay, StoreFault } from '../core/fault.ts';
import { makeDirectory } from '../core/make-directory.ts';
import { removeForcibly } from './remove.ts';
import { scratchName } from './scratch.ts';

// Small files are read and written synchronously, which takes microseconds per call; with promises it takes ten times as
// long. Flushing to disk takes milliseconds, and trees can be large, so those use promises.

/** Error codes of the system if something else is where a file or directory of the store should be. */
const obstacles: ReadonlySet<string> = new Set(['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'ELOOP']);
/** The times of another user's file may not be set; that is no reason to fail. */
const notOurs: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EROFS', 'ENOENT', 'ENOTDIR']);

/**
 * Writes a temporary file and renames it into place; `durable` flushes the bytes to disk first. Makes the parent
 * directory.
 */
export async function writeWhole(
  root: string,
  path: string,
  bytes: Uint8Array,
  durable: boolean,
): Promise<void> {
  const temporary = join(root, 'scratch', scratchName('write'));
  try {
    const file = openSync(temporary, 'wx', 0o644);
    try {
      writeFileSync(file, bytes);
      if (durable) await promisify(fsync)(file);
    } finally {
      closeSync(file);
    }
    renameInto(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw storeFault(error, path);
  }
}

/** Renames a file; the new parent directory almost always exists, and is created if not. */
function renameInto(from: string, path: string): void {
  try {
    renameSync(from, path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    makeDirectory(dirname(path));
    renameSync(from, path);
  }
}

/**
 * Converts an error that the user can do something about to a `StoreFault` that names the store's own file; returns any
 * other error unchanged.
 */
export function storeFault(error: unknown, path: string): unknown {
  if (error instanceof StoreFault) return error;
  // The path of the destination, not that of the temporary file that was to be renamed to it.
  if (obstacles.has(errorCode(error) ?? '')) return new StoreFault(inTheWay(path, (error as Error).message));
  const failure = describeSystemError(error, path);
  return failure === undefined ? error : new StoreFault(failure);
}

/**
 * Bytes of a file of the store; undefined if it does not exist. Throws a `StoreFault` if a directory is in its place.
 */
export function readRecord(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw storeFault(error, path);
  }
}

/**
 * The same for content: anything else in its place counts as absent, and is replaced when the content is made again.
 */
export async function readOrUndefined(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** Undefined if it does not exist, also because something above it is not a directory. */
export function statOrUndefined(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Moves something out of its place and returns its new path; undefined if it does not exist. */
export async function moveAside(root: string, path: string, name: string): Promise<string | undefined> {
  const away = join(root, 'damaged', `${name}-${randomBytes(6).toString('hex')}`);
  try {
    await rename(path, away);
    return away;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Renames before removing, so that nobody sees anything half removed. */
export async function moveAway(root: string, path: string, name: string): Promise<void> {
  const away = await moveAside(root, path, name);
  if (away !== undefined) await removeForcibly(away);
}

/** Marks a file as used now: the modification time is the time of last use. */
export function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (error) {
    if (!notOurs.has(errorCode(error) ?? '')) throw error;
  }
}

export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

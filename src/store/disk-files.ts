import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeSystemError, errorCode, inTheWay, StoreFault } from '../core/fault.ts';
import { makeDirectory } from '../core/make-directory.ts';
import { removeForcibly } from './remove.ts';
import { scratchName } from './scratch.ts';

/** The system's error codes if something else is where a file or directory of the store should be. */
const obstacles: ReadonlySet<string> = new Set(['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'ELOOP']);
/** Of a file of another user's one may not say when it was used; that is no reason to fail. */
const notOurs: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EROFS', 'ENOENT', 'ENOTDIR']);

/** Writes a file beside its place and renames it; `durable` forces the bytes to disk before. Makes its directory. */
export async function writeWhole(
  root: string,
  path: string,
  bytes: Uint8Array,
  durable: boolean,
): Promise<void> {
  const temporary = join(root, 'scratch', scratchName('write'));
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(bytes);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await makeDirectory(dirname(path));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw storeFault(error, path);
  }
}

/** What a user can help becomes a `StoreFault` that names the store's own file; everything else stays what it is. */
export function storeFault(error: unknown, path: string): unknown {
  if (error instanceof StoreFault) return error;
  // The path of the place, and not that of the temporary file which was to be renamed to it.
  if (obstacles.has(errorCode(error) ?? '')) return new StoreFault(inTheWay(path, (error as Error).message));
  const failure = describeSystemError(error, path);
  return failure === undefined ? error : new StoreFault(failure);
}

/** Bytes of a file of the store; undefined when it is not there. Throws a `StoreFault` where a directory stands in its place. */
export async function readRecord(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw storeFault(error, path);
  }
}

/** The same for what is content: whatever else stands there is no content, and gives way when it is made again. */
export async function readOrUndefined(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

export async function statOrUndefined(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** Moves something out of its place, and answers where it lies now; undefined when it is not there. */
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

/** Renames first, so that nobody sees a thing half removed. */
export async function moveAway(root: string, path: string, name: string): Promise<void> {
  const away = await moveAside(root, path, name);
  if (away !== undefined) await removeForcibly(away);
}

/** Says of a file that it was used now: its modification time tells what was not used for long. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  try {
    await utimes(path, now, now);
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

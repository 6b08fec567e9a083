import { constants, type Stats } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { errorCode, StoreFault } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';

/** A file of a tree, read into memory. */
export interface TreeFile {
  readonly bytes: Buffer;
  /** Whether its owner may execute it. */
  readonly executable: boolean;
}

/** The largest file that is read into memory unless the caller gives a limit, in bytes. */
const defaultLimit = 64 * 1024 ** 2;

/**
 * Absolute path of a regular file in a tree that an action made, for another program that will read it. The action may have
 * put links anywhere into its tree, and outside the sandbox these lead into the machine: no link is followed, neither at the
 * file nor at a directory above it. Fails with `unreadable-output`, also if there is no such file.
 *
 * @param tree absolute path of the tree's directory
 * @param file path in the tree
 */
export function findTreeFile(tree: string, file: string): Promise<Result<string, Failure>> {
  return attempt(tree, async () => (await locate(tree, file, 'file')) ?? missing(tree, file));
}

/**
 * Reads a regular file of a tree that an action made. Follows no links, like `findTreeFile`. Undefined: there is no such
 * file. Fails with `unreadable-output`, also if the file is larger than `limit` bytes.
 */
export function readTreeFile(
  tree: string,
  file: string,
  limit = defaultLimit,
): Promise<Result<TreeFile | undefined, Failure>> {
  return attempt(tree, async () => {
    const place = await locate(tree, file, 'file');
    return place === undefined ? undefined : readRegularFile(place, limit);
  });
}

/**
 * Reads the regular files in one directory of a tree that an action made, by name. Follows no links, like `findTreeFile`;
 * links and directories in it are left out. Fails with `unreadable-output`, also if there is no such directory.
 *
 * @param directory path in the tree; empty for the tree itself
 * @param limit size limit of each file, in bytes
 */
export function readTreeDirectory(
  tree: string,
  directory: string,
  limit = defaultLimit,
): Promise<Result<ReadonlyMap<string, TreeFile>, Failure>> {
  return attempt(tree, async () => {
    const place = (await locate(tree, directory, 'directory')) ?? missing(tree, directory);
    const files = new Map<string, TreeFile>();
    for (const entry of await readdir(place, { withFileTypes: true })) {
      if (entry.isFile()) files.set(entry.name, await readRegularFile(join(place, entry.name), limit));
    }
    return files;
  });
}

/** Errors of the system become failures, except those that are bugs. */
async function attempt<Value>(tree: string, work: () => Promise<Value>): Promise<Result<Value, Failure>> {
  try {
    return ok(await work());
  } catch (error) {
    if (error instanceof StoreFault) return failed(error.failure);
    const code = errorCode(error);
    if (code === undefined) throw error;
    const path = error instanceof Error && 'path' in error ? String(error.path) : tree;
    const hint = 'To find damage in the store, run: bootstrap store verify --repair';
    return failed({ reason: 'unreadable-output', path, why: `cannot be read (${code})`, hint });
  }
}

/** Path of something below a tree that is reached through directories only; undefined if it is missing. */
async function locate(
  tree: string,
  inside: string,
  wanted: 'file' | 'directory',
): Promise<string | undefined> {
  const names = inside.split('/').filter((name) => name !== '');
  if (names.includes('..')) throw new Error(`${inside} is not a path in a tree`);
  let place = tree;
  for (const [index, name] of names.entries()) {
    place = join(place, name);
    const found = await lstat(place).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
    if (found === undefined) return undefined;
    const fits = index < names.length - 1 || wanted === 'directory' ? found.isDirectory() : found.isFile();
    if (!fits) throw unfit(place, `is ${kindOf(found)}`);
  }
  return place;
}

async function readRegularFile(path: string, limit: number): Promise<TreeFile> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  // A pipe does not keep the call waiting, even if one replaced the file just now.
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw unfit(path, `is ${kindOf(found)}`);
    if (found.size > limit) throw unfit(path, `is larger than ${String(limit)} bytes`);
    return { bytes: await file.readFile(), executable: (found.mode & 0o100) !== 0 };
  } finally {
    await file.close();
  }
}

function missing(tree: string, inside: string): never {
  throw unfit(join(tree, inside), 'does not exist');
}

function unfit(path: string, why: string): StoreFault {
  const hint =
    'Only regular files are read, and no links are followed. Fix the stage that defines the action.';
  return new StoreFault({ reason: 'unreadable-output', path, why, hint });
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isDirectory()) return 'a directory';
  return found.isFile() ? 'a file' : 'a socket, pipe or device';
}

import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { rootDirectories } from '../../stages/root-layout.ts';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { DirectoryProvider } from '../plan/providers.ts';
import { decodeTree } from '../store/directory-message.ts';
import { catchFailures, errorCode } from '../core/fault.ts';
import { flattenTree } from '../store/flatten.ts';
import type { Store, TreeEntry } from '../store/store.ts';
import { digestDirectory } from '../store/tree-digest.ts';
import { copyUserDirectory, readUserFiles, type UserPath } from '../store/user-directory.ts';

/** A user's directory as it was when it was read. */
export interface UserDirectory {
  /** Absolute, without links. */
  readonly directory: string;
  readonly tree: Digest;
}

/** What `--overlay` names. */
function overlayAt(directory: string): UserPath {
  const hint = 'An overlay may contain directories, regular files and symbolic links.';
  return { what: 'the overlay', path: directory, hint };
}

/**
 * Reads the directory of `--overlay`. Fails with `unreadable-user-file`, or with `unfit-user-file` when it holds what
 * cannot be laid over a root filesystem.
 */
export async function digestOverlay(named: string): Promise<Result<UserDirectory, Failure>> {
  return readUserFiles(overlayAt(named), async () => {
    const directory = await realpath(named);
    if (!(await lstat(directory)).isDirectory()) {
      return failed(unfit(named, 'is not a directory', 'Name a directory that holds the files.'));
    }
    const digested = await digestDirectory(directory);
    if (!digested.ok) return digested;
    const { tree, message } = digested.value;
    const fault = faultOf(directory, flattenTree(tree, decodeTree(message, tree) ?? new Map()));
    return fault === undefined ? ok({ directory, tree }) : failed(fault);
  });
}

function unfit(file: string, why: string, hint: string): Failure {
  return { reason: 'unfit-user-file', what: 'the overlay', path: file, why, hint };
}

/** A directory that a plan names: the user's own, by its absolute path, or one assembled from the user's files. */
export type GivenDirectory = string | { writeTo(directory: string): Promise<void> };

/** Provides the user's directories, each by its name in the plan. */
export function createDirectoryProvider(
  store: Store,
  directories: ReadonlyMap<string, GivenDirectory>,
): DirectoryProvider {
  return {
    obtain: async (name, expected) => {
      const given = directories.get(name);
      if (given === undefined) throw new Error(`no directory is called ${name}`);
      const directory = typeof given === 'string' ? given : '';
      const scratch = await store.makeScratch(name);
      try {
        const copy = path.join(scratch.path, 'tree');
        const copied = await (typeof given === 'string'
          ? copyUserDirectory(overlayAt(given), copy)
          : writeGiven(name, given, copy));
        if (!copied.ok) return copied;
        const digested = await store.digestTree(copy);
        if (!digested.ok) return digested;
        if (digested.value === expected) return await store.adoptTree(copy);
        return failed({
          reason: 'changed-since-plan',
          what: [`the ${name}`, directory].join(' ').trim(),
        });
      } finally {
        await scratch.release();
      }
    },
  };
}

/** Writes an assembled directory. One of its files may have disappeared since the plan was made. */
function writeGiven(
  name: string,
  given: Exclude<GivenDirectory, string>,
  to: string,
): Promise<Result<void, Failure>> {
  return catchFailures(to, async () => {
    try {
      return ok(await given.writeTo(to));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      return failed({ reason: 'changed-since-plan', what: `the ${name}` });
    }
  });
}

/** Finds what a tree can hold, but a root filesystem or the archives into which it is packed cannot. */
function faultOf(directory: string, entries: readonly TreeEntry[]): Failure | undefined {
  for (const entry of entries) {
    const file = path.join(directory, entry.path);
    if (entry.kind !== 'directory' && rootDirectories.includes(entry.path)) {
      return unfit(
        file,
        `is a ${entry.kind === 'file' ? 'file' : 'link'}, but the root filesystem has a directory there`,
        'An overlay adds to directories but cannot replace them.',
      );
    }
    const target = entry.kind === 'symlink' ? entry.target : '';
    if (!`${entry.path}${target}`.includes('\n')) continue;
    return unfit(JSON.stringify(file), 'has a line break in its name or target', 'Rename it.');
  }
  return undefined;
}

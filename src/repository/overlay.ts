import {
  copyFile,
  chmod,
  constants,
  lstat,
  mkdir,
  readdir,
  readlink,
  realpath,
  symlink,
} from 'node:fs/promises';
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

/** A directory of the user's as it was when it was looked at. */
export interface UserDirectory {
  /** Absolute, without links. */
  readonly directory: string;
  readonly tree: Digest;
}

/**
 * Reads the directory of `--overlay`. Fails with `wrong-use` when there is none, when something in it cannot be read, or
 * when it holds what cannot lie over a root filesystem.
 */
export async function digestOverlay(named: string): Promise<Result<UserDirectory, Failure>> {
  return withReasons(named, async () => {
    const directory = await realpath(named);
    if (!(await lstat(directory)).isDirectory()) {
      return failed(
        refusal(`the overlay ${named} is no directory`, 'Name a directory that holds the files.'),
      );
    }
    const digested = await digestDirectory(directory);
    if (!digested.ok) return failed(explained(digested.failure));
    const { tree, message } = digested.value;
    const fault = faultOf(directory, flattenTree(tree, decodeTree(message, tree) ?? new Map()));
    return fault === undefined ? ok({ directory, tree }) : failed(fault);
  });
}

/** A directory that a plan names: one of the user's, by its absolute path, or one that is put together of files of theirs. */
export type GivenDirectory = string | { writeTo(directory: string): Promise<void> };

/** Gives directories of the user's, each by its name in the plan. */
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
          ? withReasons(given, async () => ok(await copyTree(given, copy)))
          : writeGiven(name, given, copy));
        if (!copied.ok) return copied;
        const digested = await store.digestTree(copy);
        if (!digested.ok) return digested;
        if (digested.value === expected) return await store.adoptTree(copy);
        return failed(
          refusal(
            `${[`the ${name}`, directory].join(' ').trim()} changed after the plan was made`,
            'Run the command again.',
          ),
        );
      } finally {
        await scratch.release();
      }
    },
  };
}

/** Writes a directory that is put together. One of its files may have gone since the plan was made. */
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
      return failed(refusal(`the ${name} changed after the plan was made`, 'Run the command again.'));
    }
  });
}

const contents = 'An overlay holds directories, plain files and symbolic links.';

function refusal(what: string, hint: string): Failure {
  return { reason: 'wrong-use', what, hint };
}

/** What the store says of a directory of its own, for one of the user's. */
function explained(failure: Failure): Failure {
  if (failure.reason === 'unfit-tree')
    return refusal(`the overlay: ${failure.path} ${failure.why}`, contents);
  if (failure.reason === 'unwritable') {
    return refusal(`the overlay: ${failure.path} cannot be read`, 'Make it readable for you.');
  }
  return failure;
}

/** Errors of the system become failures: what is wrong with the user's files is no bug of ours. */
async function withReasons<Value>(
  at: string,
  work: () => Promise<Result<Value, Failure>>,
): Promise<Result<Value, Failure>> {
  try {
    const result = await catchFailures(at, work);
    return result.ok ? result : failed(explained(result.failure));
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    const file = error instanceof Error && 'path' in error ? String(error.path) : at;
    if (code === 'ENOENT' && file === at) return failed(refusal(`there is no overlay ${at}`, contents));
    return failed(refusal(`the overlay: ${file} cannot be read (${code})`, contents));
  }
}

/** What a tree can hold, and a root filesystem or the archives that it is packed in cannot. */
function faultOf(directory: string, entries: readonly TreeEntry[]): Failure | undefined {
  for (const entry of entries) {
    const file = path.join(directory, entry.path);
    if (entry.kind !== 'directory' && rootDirectories.includes(entry.path)) {
      return refusal(
        `the overlay: ${file} is a ${entry.kind === 'file' ? 'file' : 'link'}, and the root filesystem has a directory there`,
        'An overlay adds to directories, and replaces none.',
      );
    }
    const target = entry.kind === 'symlink' ? entry.target : '';
    if (!`${entry.path}${target}`.includes('\n')) continue;
    const where = JSON.stringify(file);
    return refusal(`the overlay: there is a line break in the name or target of ${where}`, 'Rename it.');
  }
  return undefined;
}

/** Copies names, bytes, executable bits and links. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (entry.isFile()) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, ((await lstat(source)).mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
}

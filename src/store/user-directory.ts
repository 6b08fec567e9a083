import { chmod, constants, copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { catchFailures, errorCode } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';

/** A directory of the user, and what it is used for. */
export interface UserPath {
  /** Noun phrase for messages: `the overlay`. */
  readonly what: string;
  /** Absolute. */
  readonly path: string;
  /** What such a directory contains, as a sentence. */
  readonly hint: string;
}

const readable = 'Make it readable for you.';

/**
 * Copies names, contents, executable bits and links of a user's directory to one of our own, which then becomes a tree.
 * Fails with `unreadable-user-file`, with `unfit-user-file` if it contains what a tree cannot, or with `no-room`.
 *
 * The tree is the one that `digestDirectory` describes: links are kept as they are, and empty directories are included.
 * The files of an external toolchain are written by `MachineFiles.writeTo` (`src/machine/machine-files.ts`) instead,
 * from a list that follows links and includes the libraries that its programs load. Neither can replace the other
 * without changing digests.
 */
export function copyUserDirectory(from: UserPath, to: string): Promise<Result<void, Failure>> {
  return readUserFiles(from, async () => copyTree(from, '', to));
}

/**
 * Does something with files of the user. Errors of the system or the store become failures that name the file, as they
 * are not bugs of ours.
 */
export async function readUserFiles<Value>(
  from: UserPath,
  work: () => Promise<Result<Value, Failure>>,
): Promise<Result<Value, Failure>> {
  try {
    const result = await catchFailures(from.path, work);
    return result.ok ? result : failed(inWords(from, result.failure));
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    const file = error instanceof Error && 'path' in error ? String(error.path) : from.path;
    const hint = code === 'EACCES' ? readable : from.hint;
    return failed({ reason: 'unreadable-user-file', what: from.what, path: file, code, hint });
  }
}

/** Rewords a failure about our directory for the user's. */
function inWords({ what, hint }: UserPath, failure: Failure): Failure {
  if (failure.reason === 'unfit-tree') {
    return { reason: 'unfit-user-file', what, path: failure.path, why: failure.why, hint };
  }
  if (failure.reason === 'unwritable') {
    return { reason: 'unreadable-user-file', what, path: failure.path, code: 'EACCES', hint: readable };
  }
  return failure;
}

async function copyTree(from: UserPath, inside: string, to: string): Promise<Result<void, Failure>> {
  const directory = path.join(from.path, inside);
  await mkdir(to);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const [source, target] = [path.join(directory, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) {
      const copied = await copyTree(from, path.join(inside, entry.name), target);
      if (!copied.ok) return copied;
    } else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else if (entry.isFile()) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, ((await lstat(source)).mode & 0o100) === 0 ? 0o644 : 0o755);
    } else {
      const why = 'is a socket, pipe or device';
      return failed({ reason: 'unfit-user-file', what: from.what, path: source, why, hint: from.hint });
    }
  }
  return ok(undefined);
}

import { chmod, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { errorCode } from '../core/fault.ts';
import { applyPatch, type Changes, type PatchedFile } from './patch.ts';

/** A patch of this repository. */
export interface Patch {
  /** For messages. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Applies a series of patches to an unpacked source. If one does not apply, the directory is left unchanged. */
export async function patchTree(
  source: string,
  directory: string,
  patches: readonly Patch[],
): Promise<Result<void, Failure>> {
  let changes: Changes = new Map();
  for (const { path, bytes } of patches) {
    const text = Buffer.from(bytes).toString('latin1');
    const applied = await applyPatch(text, (file) => readPlain(directory, file), changes);
    if (!applied.ok) return failed({ reason: 'patch-failed', source, patch: path, ...applied.failure });
    changes = applied.value;
  }
  for (const [path, file] of changes) {
    const place = join(directory, path);
    if (file === undefined) {
      await rm(place, { force: true });
      continue;
    }
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, file.text, 'latin1');
    await chmod(place, file.executable ? 0o755 : 0o644);
  }
  return ok(undefined);
}

/** Reads a regular file whose parent directories are real directories: a patch never follows a link. */
async function readPlain(directory: string, path: string): Promise<Result<PatchedFile | undefined, string>> {
  const parts = path.split('/');
  for (let count = 1; count <= parts.length; count += 1) {
    const part = parts.slice(0, count).join('/');
    const stats = await statOrUndefined(join(directory, part));
    if (stats === undefined) return ok(undefined);
    if (stats.isSymbolicLink()) return failed(`${part} is a link`);
    if (count < parts.length && !stats.isDirectory()) return failed(`${part} is not a directory`);
    if (count === parts.length) {
      if (!stats.isFile()) return failed('it is not a regular file');
      const text = await readFile(join(directory, path), 'latin1');
      return ok({ text, executable: (stats.mode & 0o100) !== 0 });
    }
  }
  return ok(undefined);
}

async function statOrUndefined(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

import { chmod, lutimes, readFile, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { digestBytes } from './directory-message.ts';
import { moveAway, statOrUndefined, storeFault, syncFile, writeWhole } from './disk-files.ts';
import { catchFailures, errorCode } from '../core/fault.ts';
import type { Lease } from './lease.ts';
import { digestFile } from './tree-digest.ts';

/**
 * Blobs of a store on disk: `blobs/D`. Their access time is set explicitly, not left to the kernel, and is the time of
 * last use.
 */
export class DiskBlobs {
  readonly #root: string;
  readonly #epochSeconds: number;
  readonly #lease: Lease;
  readonly #verified = new Map<Digest, Promise<boolean>>();

  constructor(root: string, epochSeconds: number, lease: Lease) {
    this.#root = root;
    this.#epochSeconds = epochSeconds;
    this.#lease = lease;
  }

  path(blob: Digest): string {
    return join(this.#root, 'blobs', blob);
  }

  /** A blob is read in full once per store object; a damaged one is removed and counts as absent. */
  has(blob: Digest): Promise<boolean> {
    const known = this.#verified.get(blob);
    if (known !== undefined) return known;
    const verdict = this.#verify(blob);
    this.#verified.set(blob, verdict);
    const forget = (): void => {
      if (this.#verified.get(blob) === verdict) this.#verified.delete(blob);
    };
    verdict.then((good) => {
      if (!good) forget();
    }, forget);
    return verdict;
  }

  async #verify(blob: Digest): Promise<boolean> {
    const path = this.path(blob);
    if (statOrUndefined(path) === undefined) return false;
    await this.#lease.hold(blob);
    if (statOrUndefined(path) === undefined) return false;
    if (await isBlob(path, blob)) {
      await markUsed(path);
      return true;
    }
    await moveAway(this.#root, path, blob);
    return false;
  }

  async get(blob: Digest): Promise<Uint8Array | undefined> {
    return (await this.has(blob)) ? readFile(this.path(blob)) : undefined;
  }

  async put(bytes: Uint8Array): Promise<Digest> {
    const blob = digestBytes(bytes);
    if (await this.has(blob)) return blob;
    await this.#lease.hold(blob);
    await writeWhole(this.#root, this.path(blob), bytes, true);
    this.#verified.set(blob, Promise.resolve(true));
    return blob;
  }

  adopt(file: string, expected?: Digest): Promise<Result<Digest, Failure>> {
    return catchFailures(file, async () => {
      const actual = await digestFile(file);
      if (expected !== undefined && actual !== expected) {
        return failed({ reason: 'wrong-hash', source: file, origin: file, expected, actual });
      }
      await chmod(file, 0o644);
      await lutimes(file, Date.now() / 1000, this.#epochSeconds);
      await syncFile(file);
      await this.#lease.hold(actual);
      try {
        await rename(file, this.path(actual));
      } catch (error) {
        throw storeFault(error, this.path(actual));
      }
      this.#verified.set(actual, Promise.resolve(true));
      return ok(actual);
    });
  }

  forget(): void {
    this.#verified.clear();
  }
}

/** Whether a file is the blob that its name says; false for a directory. */
export async function isBlob(path: string, blob: Digest): Promise<boolean> {
  try {
    return (await digestFile(path)) === blob;
  } catch (error) {
    if (['EISDIR', 'ELOOP', 'ENOENT'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
}

async function markUsed(path: string): Promise<void> {
  try {
    await utimes(path, new Date(), (await stat(path)).mtime);
  } catch (error) {
    // The file belongs to another user.
    if (!['EPERM', 'EACCES', 'EROFS', 'ENOENT'].includes(errorCode(error) ?? '')) throw error;
  }
}

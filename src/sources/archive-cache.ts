import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sha256 } from '../core/digest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { errorCode, inTheWay, StoreFault } from '../core/fault.ts';
import { probeProcess, processStamp } from '../core/process-stamp.ts';

/**
 * Verified archives, each a file named by its SHA-256, and partial downloads: `<sha256>.part`, or
 * `<sha256>.<process>.part` while a process appends to it. Several processes may share the directory.
 */
export class ArchiveCache {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** The archive's file, read and verified; undefined if it does not exist. A damaged one is removed. */
  async find(sha: Sha256): Promise<string | undefined> {
    const file = this.#file(sha);
    const actual = await hashOf(file);
    if (actual === sha) return file;
    if (actual !== undefined) await rm(file, { force: true });
    return undefined;
  }

  /**
   * A part file for this process alone, with what an earlier or killed process has fetched. If two processes want the
   * same part file, the one that succeeds in renaming it gets it.
   */
  async claimPart(sha: Sha256): Promise<{ readonly part: string; readonly resumed: boolean }> {
    await mkdir(this.directory, { recursive: true });
    const part = join(this.directory, `${sha}.${processStamp()}.part`);
    let resumed = false;
    for (const entry of await readdir(this.directory, { withFileTypes: true })) {
      const { name } = entry;
      if (!name.startsWith(sha) || !name.includes('.part')) continue;
      const [, holder, isDirectory] = /^\.(.+)\.part(\.d)?$/.exec(name.slice(sha.length)) ?? [];
      const free = name === `${sha}.part` || (holder !== undefined && probeProcess(holder) === 'dead');
      if (!free) continue;
      const path = join(this.directory, name);
      if (isDirectory === undefined && entry.isDirectory()) {
        throw new StoreFault(inTheWay(path, 'It is a directory.'));
      }
      // A link could point anywhere, and we never create one as a part file.
      if (isDirectory !== undefined || resumed || !entry.isFile()) {
        await rm(path, { recursive: true, force: true });
        continue;
      }
      try {
        await rename(path, part);
        resumed = true;
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error;
      }
    }
    return { part, resumed };
  }

  /** Leaves an unfinished part file for the next process; removes an empty one. */
  async releasePart(sha: Sha256, part: string): Promise<void> {
    try {
      if ((await stat(part)).size === 0) await rm(part);
      else await rename(part, join(this.directory, `${sha}.part`));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }

  /** Moves a complete file into the cache if its hash is right; otherwise removes it and fails with the actual hash. */
  async accept(sha: Sha256, part: string): Promise<Result<string, string>> {
    const actual = await hashOf(part);
    if (actual !== sha) {
      await rm(part, { force: true });
      return failed(actual ?? 'no file at all');
    }
    const file = this.#file(sha);
    await rename(part, file);
    return ok(file);
  }

  #file(sha: Sha256): string {
    return join(this.directory, sha);
  }
}

/** SHA-256 of a file in hex; undefined if it does not exist. */
async function hashOf(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const bytes of createReadStream(file, { highWaterMark: 1 << 20 }))
      hash.update(bytes as Buffer);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'EISDIR') throw new StoreFault(inTheWay(file, (error as Error).message));
    throw error;
  }
  return hash.digest('hex');
}

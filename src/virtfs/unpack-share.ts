import { mkdirSync, rmdirSync } from 'node:fs';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { DamagedStream } from '../sources/decompress.ts';
import type { Limits } from '../sources/limits.ts';
import { textOf, toBytes } from './bytes.ts';
import { atFile, badShare, ShareFault, systemCode, TarFault } from './fault.ts';
import { openShareRoot } from './share-root.ts';
import { ShareWriter } from './share-write.ts';
import { readTar } from './tar-read.ts';

export interface UnpackRequest {
  /** An uncompressed tarball, for example from `decompressed`. */
  readonly tar: AsyncIterable<Uint8Array>;
  /** Name of the tarball in failures. */
  readonly name: string;
  /** A directory to share as mapped-file, or one inside it; created if it does not exist. No guest may be using it. */
  readonly directory: string;
  /** Undefined: `shareLimits`. */
  readonly limits?: Limits;
  /** Aborted with the name of a signal as reason, it makes unpacking fail with `interrupted`. */
  readonly signal?: AbortSignal;
}

/** What was unpacked. */
export interface Unpacked {
  readonly entries: number;
  /**
   * Number of files whose time is not exactly that in the tarball, because the file system cannot store it or there is
   * no GNU `touch`.
   */
  readonly inexactTimes: number;
}

/** Limits on the contents of a tarball. A guest's whole disk fits, but a few bytes that claim to be one do no harm. */
const shareLimits: Limits = { totalBytes: 64 * 2 ** 30, fileBytes: 64 * 2 ** 30, entries: 2_000_000 };

/**
 * Unpacks a tarball so that a guest finds its contents in the share: owners, modes, devices, links and times. What the
 * share contained before is kept, and an entry with an existing name is refused unless both are directories. A tarball
 * that is refused or damaged leaves nothing behind.
 */
export async function unpackShare(request: UnpackRequest): Promise<Result<Unpacked, Failure>> {
  let made = false;
  let writer: ShareWriter | undefined;
  try {
    made = makeShare(request.directory);
    writer = new ShareWriter(openShareRoot(request.directory));
    const entries = await addAll(request, writer);
    return ok({ entries, inexactTimes: await writer.finish() });
  } catch (error) {
    writer?.undo();
    if (made) removeShare(request.directory);
    return failed(failureOf(error, request.name));
  }
}

async function addAll(request: UnpackRequest, writer: ShareWriter): Promise<number> {
  const limits = request.limits ?? shareLimits;
  let entries = 0;
  let bytes = 0;
  for await (const { entry, body } of readTar(watched(request, limits))) {
    const size = entry.content.kind === 'file' ? entry.content.size : 0;
    entries += 1;
    bytes += size;
    if (entries > limits.entries) throw new TarFault(entry.path, 'too many entries');
    if (size > limits.fileBytes) throw new TarFault(entry.path, `too large: ${String(size)} bytes`);
    if (bytes > limits.totalBytes) throw new TarFault(entry.path, 'the total size is too large');
    await writer.add(entry, body);
  }
  return entries;
}

/** The tarball's bytes, until there are too many or the operation is aborted. */
async function* watched({ tar, signal }: UnpackRequest, limits: Limits): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of tar) {
    if (signal?.aborted === true)
      throw new ShareFault({ reason: 'interrupted', signal: String(signal.reason) });
    bytes += chunk.length;
    // Two blocks per entry, for its header and the padding of its last block.
    if (bytes > limits.totalBytes + limits.entries * 1024) {
      throw new TarFault(toBytes(''), `it has more than ${String(limits.totalBytes)} bytes`);
    }
    yield chunk;
  }
}

function makeShare(directory: string): boolean {
  return atFile(toBytes(directory), () => {
    try {
      mkdirSync(directory, 0o700);
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      if (systemCode(error) !== 'ENOENT') throw error;
      throw badShare(toBytes(directory), 'its parent directory does not exist', 'Create that first.');
    }
  });
}

function removeShare(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    // Something else was put into it.
    if (systemCode(error) === undefined) throw error;
  }
}

function failureOf(error: unknown, tarball: string): Failure {
  if (error instanceof ShareFault) return error.failure;
  if (error instanceof TarFault) {
    return { reason: 'unfit-tarball', tarball, entry: textOf(error.entry), why: error.message };
  }
  if (error instanceof DamagedStream)
    return { reason: 'unfit-tarball', tarball, entry: '', why: error.message };
  throw error;
}

import type { Writable } from 'node:stream';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { textOf } from './bytes.ts';
import { ShareFault } from './fault.ts';
import { readContent, readShare } from './share-read.ts';
import { openShareRoot } from './share-root.ts';
import { tarEnd, tarHead, tarPadding } from './tar-write.ts';

export interface PackRequest {
  /** A directory that qemu shares as mapped-file, or one inside it. No guest may be using it. */
  readonly directory: string;
  /** Receives an uncompressed tarball; it is not closed. Its errors are rethrown unchanged. */
  readonly sink: Writable;
  /** Aborted with the name of a signal as reason, it makes packing fail with `interrupted`. */
  readonly signal?: AbortSignal;
}

/** What was packed. */
export interface Packed {
  /** Number of names in the tarball, including that of the share's own directory (`./`). */
  readonly entries: number;
  /** Size of the tarball. */
  readonly bytes: number;
  /** Sockets in the share, which a tarball cannot contain. */
  readonly sockets: readonly string[];
}

const pieceSize = 1 << 18;

/**
 * Writes what the guest sees of a share as a tarball: owners, modes, devices, links and times are the guest's. The same
 * share gives the same bytes. A share that cannot be packed completely fails, and what was written of it must be
 * discarded.
 */
export async function packShare({ directory, sink, signal }: PackRequest): Promise<Result<Packed, Failure>> {
  const sockets: string[] = [];
  let entries = 0;
  let bytes = 0;
  let pending: Buffer[] = [];
  let pendingSize = 0;
  const flush = async (): Promise<void> => {
    const piece = Buffer.concat(pending);
    pending = [];
    pendingSize = 0;
    await writeTo(sink, piece);
  };
  const write = async (piece: Buffer): Promise<void> => {
    if (signal?.aborted === true)
      throw new ShareFault({ reason: 'interrupted', signal: String(signal.reason) });
    pending.push(piece);
    pendingSize += piece.length;
    bytes += piece.length;
    if (pendingSize >= pieceSize) await flush();
  };
  // Errors are returned by the write calls; without a listener, the event would end the program.
  sink.on('error', ignore);
  try {
    for (const member of readShare(openShareRoot(directory))) {
      if ('socket' in member) {
        sockets.push(textOf(member.socket));
        continue;
      }
      const { content } = member.entry;
      entries += 1;
      await write(tarHead(member.entry));
      if (content.kind !== 'file') continue;
      for (const piece of readContent(member, pieceSize)) await write(piece);
      await write(tarPadding(content.size));
    }
    await write(tarEnd(bytes));
    await flush();
    sink.off('error', ignore);
    return ok({ entries, bytes, sockets });
  } catch (error) {
    if (error instanceof ShareFault) return failed(error.failure);
    throw error;
  }
}

function ignore(): void {
  return undefined;
}

/** A destroyed transform stream never calls the callback of a pending write, but it emits `close`. */
function writeTo(sink: Writable, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => {
      reject(sink.errored ?? new Error('the stream for the tarball was closed'));
    };
    sink.once('close', onClose);
    sink.write(piece, (error) => {
      sink.off('close', onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}

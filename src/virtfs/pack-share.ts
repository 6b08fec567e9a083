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
  /** Receives a tarball without compression; it is left open. What it fails with is thrown as it is. */
  readonly sink: Writable;
  /** Aborted with the name of a signal as reason: ends with the failure `interrupted`. */
  readonly signal?: AbortSignal;
}

/** What was packed. */
export interface Packed {
  /** Names in the tarball, that of the share's own directory (`./`) included. */
  readonly entries: number;
  /** Of the tarball. */
  readonly bytes: number;
  /** Sockets of the share, which no tarball can hold. */
  readonly sockets: readonly string[];
}

const pieceSize = 1 << 18;

/**
 * Writes what the guest sees of a share as a tarball: owners, modes, devices, links and times are the guest's. The same
 * share gives the same bytes. A share that cannot be packed as a whole fails, and what was written of it is to be
 * thrown away.
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
  // Its errors come back from writing; as an event that nobody hears they would end the program.
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

/** A transforming stream that is destroyed forgets whom it owes an answer, but it says that it is closed. */
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

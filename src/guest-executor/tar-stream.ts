import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Header, Pax } from 'tar';

/** An entry of an archive. Owners are root, and all times are one. */
export type ArchiveEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly executable: boolean;
      /** Its bytes, or the path of a file of this machine that has them. */
      readonly content: Uint8Array | string;
    };

const block = 512;

/**
 * Entries as a tar archive, piece by piece.
 *
 * @param seconds modification time of every entry, since 1970
 */
export async function* tarStream(
  entries: Iterable<ArchiveEntry>,
  seconds: number,
): AsyncIterable<Uint8Array> {
  for (const entry of entries) {
    if (entry.kind !== 'file') {
      yield header(entry, 0, seconds);
      continue;
    }
    const { content } = entry;
    if (typeof content !== 'string') {
      yield header(entry, content.length, seconds);
      yield content;
      yield padding(content.length);
      continue;
    }
    const { size } = await stat(content);
    yield header(entry, size, seconds);
    let sent = 0;
    if (size > 0) {
      for await (const bytes of createReadStream(content, { highWaterMark: 1 << 20, end: size - 1 })) {
        sent += (bytes as Buffer).length;
        yield bytes as Buffer;
      }
    }
    if (sent !== size) throw new Error(`${content} became shorter while it was read`);
    yield padding(size);
  }
  yield Buffer.alloc(2 * block);
}

function padding(size: number): Uint8Array {
  return Buffer.alloc((block - (size % block)) % block);
}

function header(entry: ArchiveEntry, size: number, seconds: number): Uint8Array {
  const fields = {
    path: entry.kind === 'directory' ? `${entry.path}/` : entry.path,
    size,
    ...(entry.kind === 'symlink' ? { linkpath: entry.target } : {}),
  };
  const made = new Header({
    ...fields,
    type: ({ directory: 'Directory', symlink: 'SymbolicLink', file: 'File' } as const)[entry.kind],
    mode: entry.kind === 'file' && !entry.executable ? 0o644 : 0o755,
    uid: 0,
    gid: 0,
    mtime: new Date(seconds * 1000),
  });
  const bytes = Buffer.alloc(block);
  if (!made.encode(bytes)) return bytes;
  // What the header has no room for, such as long names, precedes it.
  return Buffer.concat([new Pax(fields).encode(), bytes]);
}

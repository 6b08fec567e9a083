import { open } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { XzReadableStream as XzStream } from 'xz-decompress';
import { bunzip } from './bunzip.ts';
import { withoutSha256Check } from './xz-check.ts';

// A CommonJS bundle whose export names Node cannot detect.
const { XzReadableStream } = createRequire(import.meta.url)('xz-decompress') as {
  XzReadableStream: typeof XzStream;
};

export type Compression = 'gzip' | 'xz' | 'bzip2' | 'none';

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
];

/**
 * How a tar archive is compressed, according to its first bytes; names are unreliable. Undefined: not a supported
 * archive.
 */
export async function compressionOf(file: string): Promise<Compression | undefined> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(512);
    await handle.read(head, 0, head.length, 0);
    const found = magics.find(([, magic]) => magic.every((byte, index) => head[index] === byte));
    return found?.[0] ?? (isTarHeader(head) ? 'none' : undefined);
  } finally {
    await handle.close();
  }
}

/**
 * Old tar archives (xz's is one) have no magic number, but a checksum of the header, computed as if its own field were
 * blanks.
 */
function isTarHeader(head: Buffer): boolean {
  const stated = parseInt(head.toString('latin1', 148, 156), 8);
  const sum = head.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  return stated === sum;
}

/** A compressed stream is damaged or ends early. */
export class DamagedStream extends Error {}

/** The file's decompressed bytes. Throws DamagedStream, because the decompressors have no error codes of their own. */
export async function* decompressed(file: string, compression: Compression): AsyncIterable<Uint8Array> {
  try {
    yield* plain(file, compression);
  } catch (error) {
    throw new DamagedStream(
      `it cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function plain(file: string, compression: Compression): AsyncIterable<Uint8Array> {
  const raw = createReadStream(file, { highWaterMark: 1 << 18 });
  switch (compression) {
    case 'none':
      return raw;
    case 'gzip':
      return piped(raw, createGunzip({ chunkSize: 1 << 18 }));
    case 'xz':
      return new XzReadableStream(
        Readable.toWeb(Readable.from(withoutSha256Check(raw), { objectMode: false })) as never,
      ) as unknown as AsyncIterable<Uint8Array>;
    case 'bzip2':
      return bunzip(raw);
  }
}

/** `pipe` alone would lose errors of the readable side. */
function piped(raw: Readable, transform: NodeJS.ReadWriteStream & { destroy(error?: Error): unknown }) {
  raw.on('error', (error) => transform.destroy(error));
  return raw.pipe(transform) as AsyncIterable<Uint8Array>;
}

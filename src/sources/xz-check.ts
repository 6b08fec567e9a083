/**
 * The decompressor supports the integrity checks CRC32 and CRC64 but rejects streams with SHA-256 (as xz's own releases
 * have). Such a stream is rewritten on the fly to one without a check; the archive as a whole has already been verified
 * by its SHA-256. All other streams pass unchanged.
 *
 * Throws on anything that is not an .xz stream. Terms are those of the .xz file format, version 1.2.
 */
export async function* withoutSha256Check(raw: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const input = new Input(raw);
  try {
    yield* gathered(rewritten(input));
  } finally {
    await input.close();
  }
}

async function* rewritten(input: Input): AsyncIterable<Uint8Array> {
  const head = await input.take(12);
  if (head[7] !== sha256CheckType) {
    yield head;
    yield* input.rest();
    return;
  }
  const flags = Buffer.from([0, 0]);
  yield Buffer.concat([head.subarray(0, 6), flags, crc32(flags)]);
  for (;;) {
    const size = await input.take(1);
    if (size[0] === 0) break;
    yield size;
    yield* block(input, ((size[0] ?? 0) + 1) * 4 - 1);
  }
  const index = await shorterIndex(input);
  yield index;
  const footer = Buffer.alloc(6);
  footer.writeUInt32LE(index.length / 4 - 1, 0);
  yield Buffer.concat([crc32(footer), footer, Buffer.from('YZ')]);
}

const sha256CheckType = 0x0a;
const sha256CheckSize = 32;

/** One block after the first byte of its header; its check is removed. */
async function* block(input: Input, headerRest: number): AsyncIterable<Uint8Array> {
  yield await input.take(headerRest);
  let size = 0;
  for (;;) {
    const control = await input.take(1);
    yield control;
    size += 1;
    const kind = control[0] ?? 0;
    if (kind === 0) break;
    // Uncompressed chunks have two more header bytes, LZMA chunks four, and a fifth if they set properties.
    if (kind > 2 && kind < 0x80) throw new Error('a malformed LZMA2 chunk');
    const header = await input.take(kind < 0x80 ? 2 : kind < 0xc0 ? 4 : 5);
    yield header;
    const length = header.readUInt16BE(kind < 0x80 ? 0 : 2) + 1;
    yield await input.take(length);
    size += header.length + length;
  }
  yield await input.take((4 - (size % 4)) % 4);
  await input.take(sha256CheckSize);
}

/** The index after its first byte, for blocks without their checks. */
async function shorterIndex(input: Input): Promise<Buffer> {
  const count = await integer(input);
  let read = 1 + count.bytes;
  const parts = [Buffer.from([0]), encoded(count.value)];
  for (let record = 0n; record < count.value; record += 1n) {
    const unpadded = await integer(input);
    const uncompressed = await integer(input);
    read += unpadded.bytes + uncompressed.bytes;
    parts.push(encoded(unpadded.value - BigInt(sha256CheckSize)), encoded(uncompressed.value));
  }
  // The old padding, CRC32 and footer.
  await input.take(((4 - (read % 4)) % 4) + 4 + 12);
  const body = Buffer.concat(parts);
  const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
  return Buffer.concat([padded, crc32(padded)]);
}

/** A "multibyte integer": seven bits per byte, lowest first. */
async function integer(input: Input): Promise<{ readonly value: bigint; readonly bytes: number }> {
  let value = 0n;
  for (let bytes = 1; bytes <= 9; bytes += 1) {
    const byte = (await input.take(1))[0] ?? 0;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (bytes - 1));
    if (byte < 0x80) return { value, bytes };
  }
  throw new Error('a malformed number in the index');
}

function encoded(value: bigint): Buffer {
  if (value < 0n) throw new Error('a block shorter than its check');
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): Buffer {
  let value = 0xffffffff;
  for (const byte of bytes) value = (crcTable[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  const result = Buffer.alloc(4);
  result.writeUInt32LE((value ^ 0xffffffff) >>> 0);
  return result;
}

/** Joins small pieces: each piece passed on costs a turn of the event loop, and an empty one looks like the end. */
async function* gathered(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    held.push(piece);
    length += piece.length;
    if (length < 1 << 16) continue;
    yield Buffer.concat(held);
    held = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(held);
}

/** Reads an exact number of bytes at a time. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(raw: AsyncIterable<Uint8Array>) {
    this.#source = raw[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Buffer> {
    while (this.#held.length < count) {
      const next = await this.#source.next();
      if (next.done === true) throw new Error('the stream is cut off');
      this.#held = Buffer.concat([this.#held, next.value]);
    }
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async *rest(): AsyncIterable<Uint8Array> {
    yield this.#held;
    for (;;) {
      const next = await this.#source.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
}

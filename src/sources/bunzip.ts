import { createRequire } from 'node:module';

/** Reads that many bits, highest first; null skips to the next byte. */
type ReadBits = ((count: number | null) => number) & { readonly bytesRead: number };

const require = createRequire(import.meta.url);
/**
 * The block decoder of unbzip2-stream. Its stream wrapper is not used: it decodes every block that it was given before
 * it emits one, so that three kilobytes could require gigabytes of memory.
 */
const decoder = require('unbzip2-stream/lib/bzip2.js') as {
  /** Reads the header of a stream; returns its level, 1 to 9. */
  header(bits: ReadBits): number;
  /**
   * Decodes a block byte by byte; returns the stream's CRC so far, or null at the end of a stream, once that was
   * correct.
   */
  decompress(
    bits: ReadBits,
    sink: (byte: number) => void,
    buffer: Int32Array,
    size: number,
    crc: number,
  ): number | null;
};
const bitReader = require('unbzip2-stream/lib/bit_iterator.js') as (next: () => Uint8Array) => ReadBits;

/** Maximum size of a compressed block: 900,000 symbols of 20 bits and its tables, rounded up. */
const mostCompressed = 3 * 2 ** 20;
const pieceSize = 1 << 18;

/**
 * Decompresses bzip2, including several concatenated streams. One block at a time is in memory, at most 47 MB; the next
 * is not decoded before the previous one was consumed. Throws if the data is damaged or cut off.
 */
export async function* bunzip(raw: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const source = raw[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let received = 0;
  let ended = false;
  // The decoder takes a first piece at once, before there is any data.
  held.push(new Uint8Array(0));
  const bits = bitReader(() => held.shift() ?? cutOff());
  /** Whether there is more data; if so, it buffers enough for a block, or the rest. */
  const filled = async (): Promise<boolean> => {
    while (!ended && received - bits.bytesRead < mostCompressed) {
      const next = await source.next();
      if (next.done === true) ended = true;
      else if (next.value.length > 0) {
        held.push(next.value);
        received += next.value.length;
      }
    }
    return received > bits.bytesRead;
  };
  try {
    while (await filled()) {
      const size = decode(() => decoder.header(bits)) * 100_000;
      const buffer = new Int32Array(size);
      for (let crc: number | null = 0; ;) {
        const before: number = crc;
        const output = new Output(size);
        crc = decode(() => decoder.decompress(bits, output.add, buffer, size, before));
        if (crc === null) break;
        yield* output.pieces();
        await filled();
      }
    }
  } finally {
    await source.return?.();
  }
}

class CutOff extends Error {}

function cutOff(): never {
  throw new CutOff('the stream is cut off');
}

/** The decoder's own error messages are jokes. */
function decode<Value>(step: () => Value): Value {
  try {
    return step();
  } catch (error) {
    if (error instanceof CutOff) throw error;
    throw new Error('the stream is damaged', { cause: error });
  }
}

/** Collects the bytes of a block. */
class Output {
  #bytes: Buffer;
  #length = 0;

  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafeSlow(expected);
  }

  readonly add = (byte: number): void => {
    if (this.#length === this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], this.#bytes.length * 2);
    }
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  };

  *pieces(): Iterable<Uint8Array> {
    for (let start = 0; start < this.#length; start += pieceSize) {
      yield this.#bytes.subarray(start, Math.min(start + pieceSize, this.#length));
    }
  }
}

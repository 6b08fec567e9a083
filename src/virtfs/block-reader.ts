import { toBytes } from './bytes.ts';
import { TarFault } from './fault.ts';

/** Reads a stream in pieces of the sizes asked for. A stream that ends too early throws TarFault. */
export class BlockReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Exactly this many bytes, all in memory. */
  async take(size: number): Promise<Buffer> {
    if (size <= this.#rest.length) return this.#cut(size);
    const pieces: Buffer[] = [];
    let missing = size;
    for await (const piece of this.body(size)) {
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 && pieces[0] !== undefined && missing === 0
      ? pieces[0]
      : Buffer.concat(pieces);
  }

  /** Exactly this many bytes, as they arrive. A second loop over it continues where the first one stopped. */
  body(size: number): AsyncIterableIterator<Buffer> {
    let missing = size;
    const next = async (): Promise<IteratorResult<Buffer>> => {
      if (missing === 0) return { done: true, value: undefined };
      if (this.#rest.length === 0) await this.#more();
      const piece = this.#cut(Math.min(missing, this.#rest.length));
      missing -= piece.length;
      return { done: false, value: piece };
    };
    const iterator: AsyncIterableIterator<Buffer> = { next, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }

  /** Reads to the end, so that the writer can finish, and damage at the end of compressed data is noticed. */
  async drain(): Promise<void> {
    while ((await this.#chunks.next()).done !== true) continue;
  }

  /** Closes the stream at any position. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #more(): Promise<void> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done === true) throw new TarFault(toBytes(''), 'it is cut off: its end is missing');
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
  }

  #cut(size: number): Buffer {
    const piece = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return piece;
  }
}

import { StringDecoder } from 'node:string_decoder';

/** Longest line passed on, in characters; the rest is omitted (the log has it). */
export const longestLine = 4096;

/** Splits a stream of bytes into complete lines, without their newlines. */
export class LineCutter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    const pieces = this.#decoder.write(Buffer.from(bytes)).split('\n');
    for (const [index, piece] of pieces.entries()) {
      // Nothing is kept beyond the limit, so that a program that never ends its line cannot fill the memory.
      if (this.#rest.length <= longestLine) this.#rest += piece.slice(0, longestLine + 1);
      if (index < pieces.length - 1) this.#emit();
    }
  }

  /** Passes on a last line without a newline. */
  end(): void {
    if (this.#rest !== '') this.#emit();
  }

  #emit(): void {
    const line = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest;
    this.#rest = '';
    this.#onLine(line.length > longestLine ? `${line.slice(0, longestLine)}…` : line);
  }
}

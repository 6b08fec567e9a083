import { StringDecoder } from 'node:string_decoder';

/** Longest line handed on, in characters; what is over it is left out (the log has it). */
export const longestLine = 4096;

/** Cuts a stream of bytes into complete lines, without their ends. */
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
      // Beyond the limit nothing is kept, so that a program that never ends its line cannot fill memory.
      if (this.#rest.length <= longestLine) this.#rest += piece.slice(0, longestLine + 1);
      if (index < pieces.length - 1) this.#emit();
    }
  }

  /** Hands on a last line that has no end. */
  end(): void {
    if (this.#rest !== '') this.#emit();
  }

  #emit(): void {
    const line = this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest;
    this.#rest = '';
    this.#onLine(line.length > longestLine ? `${line.slice(0, longestLine)}…` : line);
  }
}

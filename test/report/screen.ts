/** Just enough of a terminal to see what a person would see: rows of text, a cursor, and whether it shows. */
export class Screen {
  readonly rows: string[] = [''];
  cursorShown = true;
  wraps = true;
  #row = 0;
  #column = 0;

  write(text: string): void {
    const pieces = text.match(/\u001b\[[0-9;?]*[A-Za-z]|\n|\r|[^\u001b\n\r]+/g) ?? [];
    for (const piece of pieces) this.#put(piece);
  }

  /** What stands on the screen, without empty rows at its end. */
  get text(): string {
    return this.rows.join('\n').trimEnd();
  }

  #put(piece: string): void {
    if (piece === '\n') {
      this.#row += 1;
      this.#column = 0;
      this.rows[this.#row] ??= '';
    } else if (piece === '\r') this.#column = 0;
    else if (piece.startsWith('\u001b[')) this.#control(piece.slice(2));
    else {
      const row = this.rows[this.#row] ?? '';
      this.rows[this.#row] = row.slice(0, this.#column) + piece + row.slice(this.#column + piece.length);
      this.#column += piece.length;
    }
  }

  #control(code: string): void {
    if (code === '?25l') this.cursorShown = false;
    else if (code === '?25h') this.cursorShown = true;
    else if (code === '?7l') this.wraps = false;
    else if (code === '?7h') this.wraps = true;
    else if (code === 'J') {
      this.rows.length = this.#row + 1;
      this.rows[this.#row] = (this.rows[this.#row] ?? '').slice(0, this.#column);
    } else if (code.endsWith('A')) this.#row -= Number(code.slice(0, -1));
    else if (!code.endsWith('m')) throw new Error(`unknown control sequence ${JSON.stringify(code)}`);
    if (this.#row < 0) throw new Error('the cursor left the screen');
  }
}

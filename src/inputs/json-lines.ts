/** The positions of values in a JSON text. */
export interface JsonLines {
  /** 1-based line of every value by field path (`sources[3].origins[0].url`); the line of a member is that of its name. */
  readonly lines: ReadonlyMap<string, number>;
  /** Members that repeat a name within their object, one of which a parser would silently drop. */
  readonly duplicates: readonly { readonly field: string; readonly line: number }[];
  /** Where the text stops being valid JSON; undefined if it is valid. */
  readonly broken?: { readonly line: number; readonly message: string };
}

/** Finds the lines of the values in a JSON text. */
export function scanJson(text: string): JsonLines {
  const scanner = new Scanner(text);
  const broken = scanner.scan();
  return {
    lines: scanner.lines,
    duplicates: scanner.duplicates,
    ...(broken === undefined ? {} : { broken }),
  };
}

/** The line of a field, or of its nearest existing parent if the field itself is missing. */
export function lineOf(field: string, lines: ReadonlyMap<string, number>): number | undefined {
  for (let at = field; ;) {
    const line = lines.get(at);
    if (line !== undefined || at === '') return line;
    at = at.slice(0, Math.max(0, at.lastIndexOf('.'), at.lastIndexOf('[')));
  }
}

/** Thrown and caught in this file. */
class Broken extends Error {}

class Scanner {
  readonly lines = new Map<string, number>();
  readonly duplicates: { field: string; line: number }[] = [];
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): JsonLines['broken'] {
    try {
      this.#blank();
      this.#value('', this.#line, 0);
      this.#blank();
      if (this.#at < this.#text.length) throw new Broken('there is more text after the end of the value');
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      return { line: this.#line, message: error.message };
    }
    return undefined;
  }

  #value(field: string, line: number, depth: number): void {
    if (depth > 200) throw new Broken('it is nested too deeply');
    this.lines.set(field, line);
    switch (this.#text[this.#at]) {
      case '{':
        this.#object(field, depth);
        return;
      case '[':
        this.#array(field, depth);
        return;
      case '"':
        this.#string();
        return;
      default:
        this.#token(/(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y, 'a value');
    }
  }

  #object(field: string, depth: number): void {
    const names = new Set<string>();
    this.#sequence('}', () => {
      const line = this.#line;
      if (this.#text[this.#at] !== '"') throw new Broken(`expected a name in quotes, found ${this.#here()}`);
      const name = this.#string();
      const inner = field === '' ? name : `${field}.${name}`;
      if (names.has(name)) this.duplicates.push({ field: inner, line });
      names.add(name);
      this.#blank();
      this.#token(/:/y, 'a colon');
      this.#blank();
      this.#value(inner, line, depth + 1);
    });
  }

  #array(field: string, depth: number): void {
    let index = 0;
    this.#sequence(']', () => {
      this.#value(`${field}[${String(index)}]`, this.#line, depth + 1);
      index += 1;
    });
  }

  /** Comma-separated items up to a closing bracket; the cursor is at the opening one. */
  #sequence(close: string, item: () => void): void {
    this.#at += 1;
    this.#blank();
    if (this.#text[this.#at] !== close) {
      for (;;) {
        item();
        this.#blank();
        if (this.#text[this.#at] !== ',') break;
        this.#at += 1;
        this.#blank();
      }
    }
    if (this.#text[this.#at] !== close)
      throw new Broken(`expected a comma or ${close}, found ${this.#here()}`);
    this.#at += 1;
  }

  #string(): string {
    const quoted = this.#token(
      /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y,
      'a text in quotes',
    );
    return JSON.parse(quoted) as string;
  }

  #token(pattern: RegExp, wanted: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new Broken(`expected ${wanted}, found ${this.#here()}`);
    this.#at += found.length;
    return found;
  }

  #blank(): void {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const character = this.#text[this.#at];
      if (character === '\n') this.#line += 1;
      else if (character !== ' ' && character !== '\t' && character !== '\r') return;
    }
  }

  #here(): string {
    const rest = /^[^\n]{1,20}/.exec(this.#text.slice(this.#at))?.[0];
    return rest === undefined ? 'the end of the file or line' : JSON.stringify(rest);
  }
}

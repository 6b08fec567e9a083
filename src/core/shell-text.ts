import { quoteWord } from './shell-word.ts';

/** POSIX shell text that ends where a command or a word may end: made only by `sh` and `joinShell`. */
export class ShellText {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Only for `sh` and `joinShell`: anyone else would forget to quote. */
  static #of(text: string): ShellText {
    return new ShellText(text);
  }

  /** What a shell reads. */
  get text(): string {
    return this.#text;
  }

  /** See `sh`. */
  static render(strings: TemplateStringsArray, values: readonly ShellValue[]): ShellText {
    const scanner = new Scanner();
    let text = '';
    for (const [index, literal] of strings.entries()) {
      scanner.read(literal);
      text += literal;
      const value = values[index];
      if (value === undefined) continue;
      const rendered = value instanceof ShellText ? scanner.fragment(value.text) : scanner.quote(value);
      text += rendered;
    }
    scanner.end();
    return ShellText.#of(text);
  }

  /** See `joinShell`. */
  static join(parts: readonly ShellText[], separator: '' | ' ' | ' \\\n  ' | ' \\\n    '): ShellText {
    return ShellText.#of(parts.map(({ text }) => text).join(separator));
  }
}

/** What stands in a template of `sh`: text to be quoted, a list of words, or shell. */
export type ShellValue = string | number | readonly string[] | ShellText;

/**
 * POSIX shell from a template. A text in it is data: it is quoted as the place demands where it stands (between words,
 * inside quotes of either kind, in a comment), so that the shell gets back that text and no other. A list becomes as many
 * words. Only a `ShellText` is taken as it is. Throws where the place takes no data or the template is no complete text of
 * shell, which is a bug of who wrote it; here-documents and backquotes are not understood.
 */
export function sh(strings: TemplateStringsArray, ...values: readonly ShellValue[]): ShellText {
  return ShellText.render(strings, values);
}

/** Texts of shell one after the other, with this between them: nothing, a space, or a line that goes on. */
export function joinShell(
  parts: readonly ShellText[],
  separator: '' | ' ' | ' \\\n  ' | ' \\\n    ' = '',
): ShellText {
  return ShellText.join(parts, separator);
}

/** Where a character of shell stands. `command` is the outermost, `substitution` is in `$(…)`, `group` in `(…)` in that. */
type Place =
  | 'command'
  | 'substitution'
  | 'group'
  | 'single quotes'
  | 'double quotes'
  | 'comment'
  | 'braces'
  | 'quoted braces';

/** Follows a text of shell as far as quoting needs it. */
class Scanner {
  readonly #places: Place[] = ['command'];
  /** Character before the next one; an escaped one counts as a letter. */
  #last = '\n';
  #escaping = false;

  get #place(): Place {
    return this.#places.at(-1) ?? 'command';
  }

  read(literal: string): void {
    for (let index = 0; index < literal.length; index += 1) {
      const character = literal.charAt(index);
      const next = literal.charAt(index + 1);
      if (this.#escaping) {
        this.#escaping = false;
        this.#last = 'x';
        continue;
      }
      this.#step(character, next);
      this.#last = character;
    }
  }

  #step(character: string, next: string): void {
    const place = this.#place;
    if (place === 'comment') {
      if (character === '\n') this.#places.pop();
      return;
    }
    if (place === 'single quotes') {
      if (character === "'") this.#places.pop();
      return;
    }
    if (character === '\\') this.#escaping = true;
    else if (character === '`') throw new Error('backquotes in a text of shell');
    else if (character === '"') {
      if (place === 'double quotes') this.#places.pop();
      else this.#places.push('double quotes');
    } else if (this.#last === '$' && character === '(') this.#places.push('substitution');
    else if (this.#last === '$' && character === '{') {
      this.#places.push(place === 'double quotes' || place === 'quoted braces' ? 'quoted braces' : 'braces');
    } else if (place === 'braces' || place === 'quoted braces') this.#stepInBraces(character);
    else if (place !== 'double quotes') this.#stepBetweenWords(character, next);
  }

  #stepInBraces(character: string): void {
    if (character === '}') this.#places.pop();
    else if (character === "'") throw new Error('single quotes in braces: shells differ about them');
  }

  #stepBetweenWords(character: string, next: string): void {
    const inside = this.#place !== 'command';
    if (character === "'") this.#places.push('single quotes');
    else if (character === '#' && /[\s;&|()]/.test(this.#last)) this.#places.push('comment');
    else if (character === '<' && next === '<') throw new Error('a here-document in a text of shell');
    else if (character === '(' && inside) this.#places.push('group');
    else if (character === ')' && inside) this.#places.pop();
  }

  /** Shell that stands between words. */
  fragment(text: string): string {
    const place = this.#place;
    if (this.#escaping || !['command', 'substitution', 'group'].includes(place))
      throw new Error(`a text of shell in ${this.#escaping ? 'an escape' : place}`);
    this.#last = text.at(-1) ?? this.#last;
    return text;
  }

  /** The value as what the shell reads back as it. */
  quote(value: string | number | readonly string[]): string {
    const quoted = this.#quoted(value);
    // What follows is part of the same word.
    this.#last = 'x';
    return quoted;
  }

  #quoted(value: string | number | readonly string[]): string {
    const place = this.#place;
    if (this.#escaping) throw new Error('data behind a backslash');
    if (typeof value === 'object') {
      if (place === 'comment') return value.map(inComment).join(' ');
      if (place === 'command' || place === 'substitution' || place === 'group')
        return value.map(quoteWord).join(' ');
      throw new Error(`a list of words in ${place}`);
    }
    const text = String(value);
    if (text.includes('\0')) throw new Error('a NUL character cannot be written in a shell script');
    if (place === 'comment') return inComment(text);
    if (place === 'single quotes') return text.replaceAll("'", `'\\''`);
    if (this.#last === '$') return plain(text, /^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable');
    if (place === 'braces' || place === 'quoted braces')
      return plain(text, /^[A-Za-z0-9_./:-]*$/, 'free of what shells read in braces');
    return place === 'double quotes' ? text.replace(/[\\$`"]/g, '\\$&') : quoteWord(text);
  }

  end(): void {
    if (this.#escaping || this.#places.length !== 1)
      throw new Error(`a text of shell ends in ${this.#escaping ? 'an escape' : this.#place}`);
  }
}

function inComment(text: string): string {
  return text.replace(/[\0\r\n]+/g, ' ');
}

function plain(text: string, pattern: RegExp, what: string): string {
  if (!pattern.test(text)) throw new Error(`not ${what}: ${text}`);
  return text;
}

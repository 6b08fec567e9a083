import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineOf, scanJson } from '../../src/inputs/json-lines.ts';
import { runs } from '../setup/runs.ts';

const text = `{
  "a": 1,
  "list": [
    { "x": "y" }, [],
    -2.5e3
  ],
  "a": null
}
`;

describe('scanJson', () => {
  it('knows the line of every value, and duplicate names', () => {
    const { lines, duplicates, broken } = scanJson(text);
    expect(Object.fromEntries(lines)).toEqual({
      '': 1,
      a: 7,
      list: 3,
      'list[0]': 4,
      'list[0].x': 4,
      'list[1]': 4,
      'list[2]': 5,
    });
    expect(duplicates).toEqual([{ field: 'a', line: 7 }]);
    expect(broken).toBeUndefined();
  });

  it.each<[string, number, string]>([
    ['', 1, 'expected a value, found the end of the file or line'],
    ['{\n "a": 1,\n}', 3, 'expected a name in quotes, found "}"'],
    ['{\n "a" 1}', 2, 'expected a colon, found "1}"'],
    ['[1\n2]', 2, 'expected a comma or ], found "2]"'],
    ['[1]\n\nx', 3, 'there is more text after the end of the value'],
    ['["\\x"]', 1, 'expected a text in quotes, found "\\"\\\\x\\"]"'],
    ['[01]', 1, 'expected a comma or ], found "1]"'],
    ['{"a": treu}', 1, 'expected a value, found "treu}"'],
    ['[\n'.repeat(300), 202, 'it is nested too deeply'],
  ])('says where %j breaks', (broken, line, message) => {
    expect(scanJson(broken).broken).toEqual({ line, message });
  });

  it('accepts exactly what JSON.parse accepts', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\u00e9"',
      '1',
      '-0',
      '.5',
      'true',
      'nul',
      ' ',
      '\n',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.array(piece, { maxLength: 12 }).map((all) => all.join('')),
        ),
        (any) => {
          let valid = true;
          try {
            JSON.parse(any);
          } catch {
            valid = false;
          }
          expect(scanJson(any).broken === undefined).toBe(valid);
        },
      ),
      { numRuns: runs(1000) },
    );
  });
});

describe('lineOf', () => {
  it('falls back to the enclosing values', () => {
    const { lines } = scanJson(text);
    expect(lineOf('list[0].x', lines)).toBe(4);
    expect(lineOf('list[0].missing', lines)).toBe(4);
    expect(lineOf('list[9].missing', lines)).toBe(3);
    expect(lineOf('missing', lines)).toBe(1);
  });
});

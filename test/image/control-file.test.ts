import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseControl } from '../../src/image/control-file.ts';
import { controlSchema } from '../../src/image/control-schema.ts';

const known = ['bash', 'gcc', 'linux', 'zlib'];

const parse = (text: string) => parseControl(text, 'control.json', known);

/** All faults as `line: field: message`. */
function faults(text: string): readonly string[] {
  const result = parse(text);
  if (result.ok) throw new Error('it was taken');
  if (result.failure.reason !== 'bad-input') throw new Error(result.failure.reason);
  return result.failure.faults.map(({ line, field, message }) => `${String(line)}: ${field}: ${message}`);
}

describe('control.json', () => {
  test('names sources and a time limit', () => {
    expect(parse('{ "sources": ["zlib", "bash"], "timeLimitMinutes": 90 }')).toEqual({
      ok: true,
      value: { sources: ['bash', 'zlib'], timeLimitMinutes: 90 },
    });
  });

  test('may name nothing', () => {
    expect(parse('{}')).toEqual({ ok: true, value: { sources: [] } });
  });

  test('that is no JSON is refused with the line', () => {
    expect(faults('{\n  "sources": [,]\n}')).toEqual(['2: : is not JSON: expected a value, found ",]"']);
    expect(faults('')).toEqual(['1: : is not JSON: expected a value, found the end of the file or line']);
  });

  test('has all its faults reported at once, in order of line', () => {
    const text = `{
  "source": ["zlib"],
  "sources": ["zlb", "zlib", "zlib", 3, "Lua", "perl"],
  "timeLimitMinutes": 0.5,
  "timeLimitMinutes": 0
}`;
    expect(faults(text)).toEqual([
      '2: source: unknown field; did you mean sources?',
      '3: sources[3]: must be a string; is 3',
      '3: sources[4]: must be the name of a source; is "Lua"',
      '3: sources[1]: repeats item 2',
      '3: sources[0]: there is no source zlb; did you mean zlib?',
      '3: sources[5]: there is no source perl; known are bash gcc linux zlib',
      '5: timeLimitMinutes: occurs twice in its object',
      '5: timeLimitMinutes: must be >= 1; is 0',
    ]);
  });

  test.each(['[]', '"zlib"', 'null', '{"sources": "zlib"}', '{"timeLimitMinutes": "1"}'])(
    '%s is refused',
    (text) => {
      expect(faults(text)).toHaveLength(1);
    },
  );
});

test('control.schema.json is the schema in use', () => {
  const file = path.resolve(import.meta.dirname, '../../src/image/control.schema.json');
  const committed: unknown = JSON.parse(readFileSync(file, 'utf8'));
  expect(committed).toEqual(JSON.parse(JSON.stringify(controlSchema)));
});

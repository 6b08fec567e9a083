import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { consoleTail, readableLines } from '../../src/guest/console.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

describe('the end of a console', () => {
  test('has the last lines', async () => {
    const file = join(temporaryDirectory(), 'console');
    writeFileSync(file, Array.from({ length: 5000 }, (_, index) => `line ${String(index)}\r\n`).join(''));
    expect(await consoleTail(file, 3)).toEqual(['line 4997', 'line 4998', 'line 4999']);
  });

  test('of a guest without one is empty', async () => {
    expect(await consoleTail(join(temporaryDirectory(), 'console'))).toEqual([]);
  });

  test('does not steer the terminal that it is shown on', () => {
    expect(readableLines('\x1b[2J\x1b[1;31mpanic\x1b[0m\x07\r\r\n\r\n\x1b(Bnext\tword \n')).toEqual([
      'panic',
      'next\tword',
    ]);
  });

  test('drops consecutive duplicates', () => {
    expect(readableLines('a\nb\nb\nb\na\n')).toEqual(['a', 'b', 'a']);
  });
});

import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { quoteWord } from '../../src/core/shell-word.ts';
import { shells } from './shells.ts';
import { runs } from '../setup/runs.ts';
import { anyCharacter } from '../setup/any-character.ts';

/** What an argument can hold, with what shells know as grammar more often than chance has it. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: anyCharacter, minLength: 1, maxLength: 4 }),
      fc.constantFrom(
        '$(touch x)',
        '`touch x`',
        "'",
        '"',
        '\\',
        '\n',
        ' ',
        '*',
        '~',
        '-',
        '#',
        '!',
        '${x}',
        '&',
        ';',
      ),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))
  .filter((one) => !one.includes('\0'));

describe('quoteWord', () => {
  it.each(shells)('is read back by $name as it was', ({ argv: [program, ...rest] }) => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), (words) => {
        const { stdout } = spawnSync(
          program,
          [...rest, '-c', `printf '%s\\0' ${words.map(quoteWord).join(' ')}`],
          { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'pipe', 'inherit'] },
        );
        expect(stdout).toBe(words.map((word) => `${word}\0`).join(''));
      }),
      { numRuns: runs(60) },
    );
  });

  it('leaves a plain word as it is', () => {
    expect(quoteWord('--with-arch=armv5te,x:/a_b+c@d%')).toBe('--with-arch=armv5te,x:/a_b+c@d%');
    expect(quoteWord('')).toBe("''");
  });

  it('throws on what no argument can hold', () => {
    expect(() => quoteWord('a\0b')).toThrow('NUL');
  });
});

import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { commandLine } from '../../src/guest/command-line.ts';
import { runs } from '../setup/runs.ts';
import { anyCharacter } from '../setup/any-character.ts';

/** What an argument can hold: every character but NUL; a lone surrogate is none. */
const argument = fc.string({ unit: anyCharacter }).filter((text) => !text.includes('\0'));

function shell(line: string): { readonly status: number | null; readonly stdout: string } {
  const { status, stdout } = spawnSync('sh', ['-c', line], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
  return { status, stdout };
}

describe('commandLine', () => {
  test('a real shell reads the arguments back as they were', () => {
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 6 }), (words) => {
        const { stdout } = shell(commandLine({ argv: ['printf', '%s\\0', ...words] }));
        expect(stdout).toBe(words.map((word) => `${word}\0`).join(''));
      }),
      { numRuns: runs(60) },
    );
  });

  test.each([
    [['true'], `exec true`],
    [['echo', "it's"], `exec echo 'it'\\''s'`],
    [['if', 'A=b'], `exec if A=b`],
  ] as const)('%j is run by exec', (argv, line) => {
    expect(commandLine({ argv, directory: '/a b' })).toBe(`cd -- '/a b' || exit; ${line}`);
  });

  test('words of the shell are names of programs', () => {
    const { status } = shell(commandLine({ argv: ['while'], directory: '/' }));
    expect(status).toBe(127);
    expect(shell(commandLine({ argv: ['A=b'], directory: '/' })).status).toBe(127);
  });

  test('if the directory does not exist, nothing is run', () => {
    const { status, stdout } = shell(commandLine({ argv: ['echo', 'run'], directory: '/no/such place' }));
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
  });

  test('without a command it is a login shell', () => {
    expect(commandLine({ directory: '/' })).toBe(`cd -- / || exit; exec "$SHELL" -l`);
  });
});

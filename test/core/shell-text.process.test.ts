import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { joinShell, sh, type ShellText } from '../../src/core/shell-text.ts';
import { shells } from './shells.ts';
import { runs } from '../setup/runs.ts';
import { anyCharacter } from '../setup/any-character.ts';

const data = fc
  .array(
    fc.oneof(
      fc.string({ unit: anyCharacter, minLength: 1, maxLength: 3 }),
      fc.constantFrom('$(echo x)', '`echo x`', '$x', "'", '"', '\\', '\n', ' ', '*', '#', ')', '}', ';', '$'),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''))
  .filter((text) => !text.includes('\0'));

function said({ text }: ShellText, [program, ...rest]: readonly [string, ...string[]]): string {
  const { stdout, stderr } = spawnSync(program, [...rest, '-c', text], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(stderr).toBe('');
  return stdout;
}

describe('sh', () => {
  it.each(shells)('gives $name back what was put in, wherever it stands', ({ argv }) => {
    fc.assert(
      fc.property(data, fc.array(data, { minLength: 1, maxLength: 3 }), (one, list) => {
        const script = sh`# ${one}
          say() { printf '%s|' "$@"; } # a word: ${one}
          say ${one} "a${one}b" 'a${one}b' a${one}b
          say "$(printf %s "c${one}"d; (printf %s ${one}; printf '%s\\n' 'e ${one}') | cat; echo e)" $# ${list}`;
        const substituted = `c${one}d${one}e ${one}\ne`;
        const words = [one, `a${one}b`, `a${one}b`, `a${one}b`, substituted, '0', ...list];
        expect(said(script, argv)).toBe(words.map((word) => `${word}|`).join(''));
      }),
      { numRuns: runs(60) },
    );
  });

  it('takes shell as it is, between words', () => {
    const loop = joinShell([sh`echo ${'a b'}\n`, sh`echo "$x"\n`]);
    expect(sh`x=${'*'}\nfor i in 1 2; do\n${loop}done`.text).toBe(
      "x='*'\nfor i in 1 2; do\necho 'a b'\necho \"$x\"\ndone",
    );
  });

  it('takes names of variables where they stand for them', () => {
    expect(sh`echo "$${'NAME'}: \${${'NAME'}:-${4}}"`.text).toBe('echo "$NAME: ${NAME:-4}"');
    expect(() => sh`echo $${'a b'}`).toThrow('not the name of a variable');
  });

  it.each([
    ['data in braces', () => sh`echo "\${x:-${'a b'}}"`],
    ['data behind a backslash', () => sh`echo \\${'x'}`],
    ['shell in quotes', () => sh`echo "${sh`echo`}"`],
    ['shell in a comment', () => sh`# ${sh`echo`}`],
    ['a list in quotes', () => sh`echo "${['a']}"`],
    ['quotes that do not end', () => sh`echo "`],
    ['a comment that does not end', () => sh`echo # x`],
    ['backquotes', () => sh`echo \`id\``],
    ['a here-document', () => sh`cat <<E\nE\n`],
    ['NUL', () => sh`echo ${'a\0'}`],
  ])('refuses %s', (_, write) => {
    expect(write).toThrow();
  });
});

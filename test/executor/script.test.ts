import { describe, expect, it } from 'vitest';
import { actionEnvironment, renderEnvironment } from '../../src/executor/environment.ts';
import { LineCutter, longestLine } from '../../src/executor/lines.ts';
import { quoteWord } from '../../src/core/shell-word.ts';
import { renderScript } from '../../src/executor/script.ts';
import { run, write } from '../../src/plan/builder.ts';

describe('renderScript', () => {
  it('writes each command in a readable, runnable form', () => {
    const script = renderScript([
      run(['make', 'CC=gcc -static', 'all'], { cwd: '/build/make', env: { LANG: 'C' }, stdout: '/out/text' }),
      write('/out/a', "it's\n", 0o755),
    ]);
    expect(script).toBe(`#!/bin/sh
set -e
umask 022

mkdir -p /build/make
cd /build/make
mkdir -p /out
printf '%s\\n' '+ cd /build/make && LANG=C make '\\''CC=gcc -static'\\'' all >/out/text'
LANG=C make 'CC=gcc -static' all </dev/null >/out/text

printf '%s\\n' '+ write /out/a'
mkdir -p /out
printf '%s' 'it'\\''s
' >/out/a
chmod 755 /out/a
`);
  });

  it('refuses what cannot be a program', () => {
    expect(() => renderScript([run(['exit', '0'])])).toThrow('not a program');
    expect(() => renderScript([run(['cd', '/'])])).toThrow('not a program');
    expect(() => renderScript([run(['echo', 'a\0b'])])).toThrow('NUL');
    expect(() => renderScript([run(['true'], { env: { 'A B': '' } })])).toThrow('name of a variable');
  });

  it('quotes what a shell would interpret', () => {
    expect(quoteWord('')).toBe("''");
    expect(quoteWord('~')).toBe("'~'");
    expect(quoteWord("'")).toBe("''\\'''");
    expect(renderScript([run(['A=b'])])).toContain("\n'A=b' </dev/null");
    expect(renderScript([run(['time', 'x'])])).toContain("\n'time' x </dev/null");
  });
});

describe('actionEnvironment', () => {
  it("puts the recipe's over what every action has, and tells make of the jobserver", () => {
    const environment = actionEnvironment({ env: { TZ: 'x', ZED: 'a b' } }, 4);
    expect(environment).toMatchObject({ TZ: 'x', ZED: 'a b', MAKEFLAGS: ' -j4 --jobserver-auth=3,3' });
    expect(Object.keys(environment)).toEqual(Object.keys(environment).toSorted());
    expect(renderEnvironment(environment)).toContain("export ZED='a b'\n");
    expect(actionEnvironment({ env: {} }, undefined)['MAKEFLAGS']).toBe('-j1');
  });
});

describe('LineCutter', () => {
  it('gives complete lines, whatever the pieces', () => {
    const lines: string[] = [];
    const cutter = new LineCutter((line) => lines.push(line));
    for (const byte of Buffer.from('one\r\n☃ two\n\nlast')) cutter.push(Buffer.from([byte]));
    cutter.end();
    expect(lines).toEqual(['one', '☃ two', '', 'last']);
  });

  it('cuts what is too long', () => {
    const lines: string[] = [];
    const cutter = new LineCutter((line) => lines.push(line));
    for (let count = 0; count < 10; count += 1) cutter.push(Buffer.alloc(longestLine, 'x'));
    cutter.push(Buffer.from('\nnext\n'));
    expect(lines).toEqual([`${'x'.repeat(longestLine)}…`, 'next']);
  });
});

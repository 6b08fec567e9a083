import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../src/build/record-summary.ts';
import { busybox, command, compiler, count, headers, make } from './recorded-sample.ts';

describe('what an action ran', () => {
  test('is counted by tool, and by the name with which a program was called', () => {
    const use = count(
      's/a',
      [busybox, make, headers, compiler],
      [
        command('/tools/bin/busybox', '/bin/sh', '-e', '/script'),
        command('/tools/bin/busybox', 'sed', 's/a/b/'),
        command('/tools/bin/busybox', '/tools/bin/sed', 's/a/b/'),
        command('/tools/bin/busybox', 'of-no-such-name'),
        command('/usr/bin/gcc-12', 'gcc', '-c', 'x.c'),
        command('/usr/lib/gcc/cc1', '/usr/lib/gcc/cc1', 'x.c'),
        command('/build/conftest', './conftest'),
        command('/tools/bin/unknown', 'unknown'),
      ],
    );
    expect(use.commands).toBe(8);
    expect(
      Object.fromEntries([...use.tools].map(([label, runs]) => [label, Object.fromEntries(runs)])),
    ).toEqual({
      'host-tools/busybox:out': { sh: 1, sed: 2, busybox: 1 },
      'host-tools/make:out': {},
      "the machine's compiler": { gcc: 1, cc1: 1 },
    });
    expect(Object.fromEntries(use.own)).toEqual({ '/build/conftest': 1, '/tools/bin/unknown': 1 });
  });

  test('does not count trees without programs as tools', () => {
    expect([...count('s/a', [headers], []).tools.keys()]).toEqual([]);
  });

  test('is read from lines that are what they should be', () => {
    const good = '{"pid":7,"ppid":5,"program":"/tools/bin/busybox","cwd":"/build","argv":["sed"]}';
    expect(parseCommand(good)).toEqual({ ...command('/tools/bin/busybox', 'sed'), pid: 7, ppid: 5 });
    for (const bad of [
      '',
      'null',
      '{',
      '7',
      '[]',
      '{"pid":7}',
      good.replace('"sed"', '1'),
      good.slice(0, -9),
    ]) {
      expect(parseCommand(bad)).toBeUndefined();
    }
  });
});

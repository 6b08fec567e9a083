import { describe, expect, test } from 'vitest';
import { programFindings } from '../../src/build/diagnose.ts';
import { findingsText } from '../../src/cli/doctor-command.ts';
import { failureText } from '../../src/report/failure-text.ts';
import { machinePath } from '../../src/core/host-programs.ts';
import { run, temporaryDirectory, testSession } from './rig.ts';

describe('doctor', () => {
  test('names the package for every program that is missing', async () => {
    const findings = await programFindings([temporaryDirectory()], failureText);
    expect(findings.every(({ state }) => state === 'missing')).toBe(true);
    expect(findings).toContainEqual({
      what: 'g++',
      state: 'missing',
      detail: 'not found',
      remedy: 'apt-get install g++',
    });
    expect(findings.map(({ what }) => what)).toEqual(expect.arrayContaining(['gcc', 'make', 'ld']));
  });

  test('finds what this machine has', async () => {
    const findings = await programFindings(machinePath, failureText);
    expect(findings.find(({ what }) => what === 'gcc')?.state).toBe('ok');
  });

  test('puts each remedy under its line, and sums up', () => {
    const text = findingsText([
      { what: 'gcc', state: 'ok', detail: '/usr/bin/gcc' },
      { what: 'make', state: 'missing', detail: 'not found', remedy: 'apt-get install make' },
      { what: 'qemu', state: 'absent', detail: 'wanted by run', remedy: 'apt-get install qemu' },
    ]);
    expect(text).toBe(
      [
        'ok       gcc   /usr/bin/gcc',
        'missing  make  not found',
        '               apt-get install make',
        'absent   qemu  wanted by run',
        '               apt-get install qemu',
        '',
        'This machine cannot build yet: 1 missing.',
        '',
      ].join('\n'),
    );
  });

  test('an emulator that is not there forbids no build', async () => {
    const session = testSession({ env: { PATH: '/nowhere' } });
    const { out } = await run(session, 'doctor');
    expect(out).toMatch(
      /\nabsent +qemu-system-arm +wanted by `bootstrap run` for armv5l(, \w+)*\n +apt-get install qemu-system-arm\n/,
    );
    expect(out).toMatch(/^ok +node +v\d/);
    expect(out).toMatch(/\n(?:ok|missing) +disk +/);
  });
});

import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository } from '../cli/rig.ts';

const [file, directory, link, device] = ['81a4 644', '41ed 755', 'a1ff 777', '21b6 666'];

/** Judges what was installed: kind and mode, and path. */
function judge(program: string, installed: readonly (readonly [string, string])[]) {
  const argv = ['-v', 'names=build tmp dev', '-f', path.join(repository, 'target/chunk/refuse.awk')];
  const input = installed.map(([kind, name]) => `${kind} 0 0 12 0 0 ./${name}\n`).join('');
  const words = program === 'busybox' ? ['awk', ...argv] : argv;
  const { status, stdout, stderr } = spawnSync(program, words, { input, encoding: 'utf8' });
  expect(stderr).toBe('');
  return { status, lines: stdout.trimEnd().split('\n') };
}

describe.each(['awk', 'busybox'])('%s', (program) => {
  test('has nothing against a usual system', () => {
    const { status, lines } = judge(program, [
      ...([
        [directory, 'usr'],
        [file, 'usr/build'],
        [link, 'lib'],
        [directory, 'tmp'],
      ] as const),
      ...([
        [directory, 'dev'],
        [device, 'dev/null'],
        [file, 'usr/a ./b'],
      ] as const),
    ]);
    expect([status, lines]).toEqual([0, ['']]);
  });

  test('says which files are where none may be', () => {
    const many = Array.from({ length: 7 }, (_, index) => [file, `tmp/${String(index)}`] as const);
    const { status, lines } = judge(program, [[file, 'a file'], [link, 'build'], ...many]);
    expect(status).toBe(1);
    expect(lines).toEqual([
      'It installs a file in the top directory of the system, where there may be directories and links only:',
      '  /a file',
      'It installs 8 files in directories that belong to whoever builds, or runs, what is built with it:',
      ...['build', 'tmp/0', 'tmp/1', 'tmp/2', 'tmp/3'].map((name) => `  /${name}`),
      '  and 3 more',
    ]);
  });
});

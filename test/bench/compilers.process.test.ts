import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { scriptArguments } from '../script.ts';
import { temporaryDirectory } from '../sources/temporary.ts';

const bench = path.resolve(import.meta.dirname, '../../bench/compilers.ts');

function run(...argv: readonly string[]): ReturnType<typeof spawnSync> & { readonly stdout: string } {
  return spawnSync(process.execPath, scriptArguments(bench, ...argv), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The machine's own C++ compiler proper. */
const cc1plus = execFileSync('g++', ['-print-prog-name=cc1plus'], { encoding: 'utf8' }).trim();

function fileToCompile(): string {
  const directory = temporaryDirectory();
  writeFileSync(
    path.join(directory, 'f.ii'),
    'struct s { int x; ~s(); };\nint f(s *p) { return p->x * 3; }\n',
  );
  return directory;
}

function wrapper(directory: string, name: string, text: string): string {
  const file = path.join(directory, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return file;
}

it('compares compilers that give the same assembly', () => {
  const work = temporaryDirectory();
  const slow = wrapper(work, 'slow', `for i in 1 2 3 4 5; do ${cc1plus} "$@"; done`);
  const result = run('--work', work, '--files', fileToCompile(), `fast=${cc1plus}`, `slow=${slow}`);
  expect(result.stderr).toBe('');
  const ratio = (name: string) =>
    Number(new RegExp(`^\\| ${name} +\\| ([0-9.]+) `, 'm').exec(result.stdout)?.[1]);
  expect(ratio('fast')).toBe(1);
  expect(ratio('slow')).toBeGreaterThan(2);
});

it('fails when one gives other assembly', () => {
  const work = temporaryDirectory();
  const other = wrapper(work, 'other', `${cc1plus} "$@" -O0`);
  const result = run('--work', work, '--files', fileToCompile(), `one=${cc1plus}`, `other=${other}`);
  expect(result.status).not.toBe(0);
  expect(result.stderr).toContain('f.ii: other gives other assembly than one');
});

it('says what the store lacks, and how to make it', () => {
  const work = temporaryDirectory();
  const store = temporaryDirectory();
  const none = run('--work', work, '--store', store, 'armv5l');
  expect(none.status).not.toBe(0);
  expect(none.stdout).toContain(
    'stage 1 is left out. Make it with ./bootstrap armv5l --target-compiler build\n',
  );
  expect(none.stdout).toContain('x86_64 is left out. Make it with ./bootstrap armv5l --host x86_64\n');
  expect(none.stderr).toContain('there are fewer than two compilers to compare');
  // A store whose compilers are there, but not what the files are made from.
  const digest = `${'a'.repeat(64)}-1`;
  const libexec = path.join(store, 'trees', digest, 'libexec/gcc/T/V');
  mkdirSync(libexec, { recursive: true });
  mkdirSync(path.join(store, 'notes/actions'), { recursive: true });
  writeFileSync(path.join(libexec, 'cc1plus'), '');
  for (const action of ['stage-1-armv5l/gcc', 'cross-compiler-armv5l-i686/gcc']) {
    const note = { key: 'b'.repeat(64), built: { recipe: '', inputs: {}, outputs: { out: digest } } };
    writeFileSync(
      path.join(store, 'notes/actions', `${encodeURIComponent(action)}.json`),
      JSON.stringify(note),
    );
  }
  const some = run('--work', work, '--store', store, 'armv5l');
  expect(some.stderr).toContain(
    `${store} has no source gcc; make it with\n  ./bootstrap armv5l --only-action native-compiler-armv5l/gcc`,
  );
});

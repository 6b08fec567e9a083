import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { patchTree } from '../../src/sources/patch-tree.ts';
import { temporaryDirectory } from './temporary.ts';

const patch = (path: string, text: string) => ({ path, bytes: Buffer.from(text) });
const change = (name: string, from: string, to: string) =>
  `--- a/${name}\n+++ b/${name}\n@@ -1 +1 @@\n-${from}\n+${to}\n`;

function source(): string {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'd'));
  writeFileSync(join(directory, 'd/f'), 'one\n', { mode: 0o755 });
  writeFileSync(join(directory, 'g'), 'old\n');
  return directory;
}

describe('patchTree', () => {
  it('applies a series, each patch to the result of the previous one', async () => {
    const directory = source();
    const result = await patchTree('p 1', directory, [
      patch('1.patch', change('d/f', 'one', 'two')),
      patch(
        '2.patch',
        `${change('d/f', 'two', 'three')}--- /dev/null\n+++ b/new/deep/x\n@@ -0,0 +1 @@\n+x\n`,
      ),
      patch('3.patch', '--- a/g\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n'),
    ]);
    expect(result).toEqual({ ok: true, value: undefined });
    expect(readFileSync(join(directory, 'd/f'), 'utf8')).toBe('three\n');
    expect(lstatSync(join(directory, 'd/f')).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(directory, 'new/deep/x'), 'utf8')).toBe('x\n');
    expect(existsSync(join(directory, 'g'))).toBe(false);
  });

  it('changes nothing when the last hunk of the last patch does not apply', async () => {
    const directory = source();
    const result = await patchTree('p 1', directory, [
      patch('patches/p/1.patch', change('d/f', 'one', 'two')),
      patch('patches/p/2.patch', `${change('g', 'old', 'new')}${change('d/f', 'one', 'three')}`),
    ]);
    expect(result).toEqual({
      ok: false,
      failure: {
        reason: 'patch-failed',
        source: 'p 1',
        patch: 'patches/p/2.patch',
        line: 8,
        why: 'line 1 of d/f is "two\\n", but the patch expects "one\\n"',
      },
    });
    expect(readFileSync(join(directory, 'd/f'), 'utf8')).toBe('one\n');
    expect(readFileSync(join(directory, 'g'), 'utf8')).toBe('old\n');
  });

  it('never goes through a link', async () => {
    const directory = source();
    const outside = temporaryDirectory();
    writeFileSync(join(outside, 'f'), 'one\n');
    symlinkSync(outside, join(directory, 'out'));
    symlinkSync('g', join(directory, 'l'));
    for (const [name, why] of [
      ['out/f', 'out/f: out is a link'],
      ['l', 'l: l is a link'],
    ] as const) {
      const result = await patchTree('p 1', directory, [patch('1.patch', change(name, 'one', 'two'))]);
      expect(result).toMatchObject({ ok: false, failure: { reason: 'patch-failed', line: 1, why } });
    }
    const made = '--- /dev/null\n+++ b/out/new\n@@ -0,0 +1 @@\n+x\n';
    expect((await patchTree('p 1', directory, [patch('1.patch', made)])).ok).toBe(false);
    expect(existsSync(join(outside, 'new'))).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok, type Result } from '../../src/core/result.ts';
import { applyPatch, type PatchedFile } from '../../src/sources/patch.ts';
import { unifiedDiff } from './differ.ts';
import { runs } from '../setup/runs.ts';

function tree(files: Readonly<Record<string, string>>) {
  return (path: string): Promise<Result<PatchedFile | undefined, string>> => {
    const text = files[path];
    return Promise.resolve(ok(text === undefined ? undefined : { text, executable: path.endsWith('.sh') }));
  };
}

async function patched(
  patch: string,
  files: Readonly<Record<string, string>>,
): Promise<Record<string, string | undefined>> {
  const result = await applyPatch(patch, tree(files));
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return Object.fromEntries([...result.value].map(([path, file]) => [path, file?.text]));
}

const three = 'one\ntwo\nthree\n';
const change = (from: string, to: string) =>
  `--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n-${from}\n+${to}\n three\n`;

const create = (name: string) => `--- /dev/null\n+++ b/${name}\n@@ -0,0 +1 @@\n+x\n`;
const git = (modes: string) => `diff --git a/n b/n\n${modes}\n${create('n')}`;

describe('applyPatch', () => {
  it('changes lines, whatever text surrounds the diff', async () => {
    const patch = `From: someone\nSubject: why\n\ndiff --git a/f b/f\nindex 12..34 100644\n${change('two', 'zwei')}-- \n2.44\n`;
    expect(await patched(patch, { f: three })).toEqual({ f: 'one\nzwei\nthree\n' });
  });

  it('does several hunks and files, and takes names with times', async () => {
    const lines = Array.from({ length: 20 }, (_, index) => `${String(index + 1)}\n`);
    const patch =
      '--- x.orig/d/f\t2024-01-01 00:00:00\n+++ x/d/f\t2024-01-02 00:00:00\n' +
      '@@ -1,2 +1,3 @@\n 1\n+1.5\n 2\n@@ -19,2 +20 @@\n 19\n-20\n' +
      change('two', '2');
    const after = [...lines.slice(0, 1), '1.5\n', ...lines.slice(1, 19)].join('');
    expect(await patched(patch, { 'd/f': lines.join(''), f: three })).toEqual({
      'd/f': after,
      f: 'one\n2\nthree\n',
    });
  });

  it('makes files, executable ones too, and deletes them', async () => {
    const patch =
      'diff --git a/n b/n\nnew file mode 100755\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,2 @@\n+#!/bin/sh\n+true\n' +
      'diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-one\n-two\n-three\n';
    const result = await applyPatch(patch, tree({ f: three }));
    expect(result.ok && [...result.value]).toEqual([
      ['n', { text: '#!/bin/sh\ntrue\n', executable: true }],
      ['f', undefined],
    ]);
  });

  it('keeps the executable bit, and sees what it did before to the same file', async () => {
    const again = change('zwei', 'deux').replaceAll('/f', '/f.sh');
    const result = await applyPatch(
      change('two', 'zwei').replaceAll('/f', '/f.sh') + again,
      tree({ 'f.sh': three }),
    );
    expect(result.ok && result.value.get('f.sh')).toEqual({ text: 'one\ndeux\nthree\n', executable: true });
  });

  it('respects a missing newline at the end of a file', async () => {
    const none = '\\ No newline at end of file\n';
    const add = `--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n${none}+x\n`;
    const take = `--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+x\n${none}`;
    expect(await patched(add, { f: 'x' })).toEqual({ f: 'x\n' });
    expect(await patched(take, { f: 'x\n' })).toEqual({ f: 'x' });
    expect((await applyPatch(add, tree({ f: 'x\n' }))).ok).toBe(false);
  });

  it('takes an empty line for an empty line of context', async () => {
    const patch = '--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n';
    expect(await patched(patch, { f: 'a\n\nb\n' })).toEqual({ f: 'a\n\nc\n' });
  });

  it('reads names as UTF-8', async () => {
    const name = Buffer.from('é').toString('latin1');
    expect(await patched(create(name), {})).toEqual({ é: 'x\n' });
  });

  it('takes modes from the git header only, and only for its own file', async () => {
    const prose = 'new file mode 120000\n';
    const result = await applyPatch(`${prose}${git('new file mode 100755')}${create('o')}`, tree({}));
    expect(result.ok && [...result.value].map(([path, file]) => [path, file?.executable])).toEqual([
      ['n', true],
      ['o', false],
    ]);
  });

  it('keeps bytes that are no text', async () => {
    const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, index) => index)).replaceAll(
      '\n',
      '',
    );
    const patch = `--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n ${bytes}\n-two\n+2\r\n`;
    expect(await patched(patch, { f: `${bytes}\ntwo\n` })).toEqual({ f: `${bytes}\n2\r\n` });
  });

  it.each<[string, string, number, string | RegExp]>([
    [
      'context that differs',
      change('zwo', 'x'),
      3,
      'line 2 of f is "two\\n", but the patch expects "zwo\\n"',
    ],
    ['a hunk that is off by a line', change('two', 'x').replace('-1,3', '-2,3'), 3, /^line 2 of f is "two/],
    ['a hunk after the end', change('two', 'x').replace('-1,3', '-9,3'), 3, 'f has only 3 lines'],
    ['a file that is missing', change('two', 'x').replaceAll('/f', '/g'), 1, 'there is no g'],
    ['a new file that is there', '--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n', 1, 'f already exists'],
    [
      'a deletion that leaves lines',
      '--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n',
      1,
      /more lines than are deleted/,
    ],
    ['a path upwards', change('two', 'x').replaceAll('/f', '/../../f'), 1, /refused: a path with `\.\.`/],
    ['an absolute path', change('two', 'x').replaceAll('a/f', '/etc/f'), 1, /does not begin with a\/ or b\//],
    [
      'a name without a prefix',
      change('two', 'x').replaceAll('a/f', 'f'),
      1,
      /does not begin with a\/ or b\//,
    ],
    ['two names', change('two', 'x').replaceAll('a/f', 'a/g'), 1, 'the two names differ: g and f'],
    ['a hunk that is cut off', change('two', 'x').replace(' three\n', ''), 3, 'the hunk is cut off'],
    ['wrong counts', change('two', 'x').replace('+1,3', '+1,2'), 3, /./],
    [
      'overlapping hunks',
      `${change('two', 'x')}@@ -3 +3 @@\n-three\n+y\n`,
      8,
      'the hunk overlaps the one before it',
    ],
    ['a rename', 'diff --git a/f b/g\nrename from f\nrename to g\n', 2, /not supported/],
    ['a binary part', 'GIT binary patch\nliteral 3\n', 1, /not supported/],
    ['a link', git('new file mode 120000'), 2, /^mode 120000 \(a link\) is not supported/],
    ['a set-user-ID file', git('new file mode 104755'), 2, /^mode 104755 is not supported/],
    ['a mode that becomes odd', git('old mode 100644\nnew mode 100664'), 3, /^mode 100664 is not supported/],
    ['a change of mode alone', 'diff --git a/f b/f\nold mode 100644\nnew mode 100755\n', 2, /without lines/],
    [
      'a change of mode alone, before another file',
      `diff --git a/f b/f\nold mode 100644\nnew mode 100755\n${git('new file mode 100644')}`,
      2,
      /without lines/,
    ],
    ['a file below a new file', create('n') + create('n/m'), 5, 'n/m: n is a file, not a directory'],
    ['a file where a new directory was', create('n/m') + create('n'), 5, 'n is a directory, with n/m in it'],
    ['a name that is not UTF-8', create('\xff'), 2, /not UTF-8/],
    ['no diff', 'just text\n', 1, 'it contains no unified diff'],
    ['nothing', '', 1, 'it contains no unified diff'],
    ['a hunk before any name', '@@ -1 +1 @@\n-x\n+y\n', 1, /without file names/],
    ['names without a hunk', '--- a/f\n+++ b/f\n', 1, 'no hunk follows the file names'],
  ])('refuses %s, at its line', async (_what, patch, line, why) => {
    const result = await applyPatch(patch, tree({ f: three }));
    expect(result).toMatchObject({ ok: false, failure: { line } });
    const said = result.ok ? '' : result.failure.why;
    if (typeof why === 'string') expect(said).toBe(why);
    else expect(said).toMatch(why);
  });

  it('applies diffs between any two texts', async () => {
    const line = fc.constantFrom('a', 'b', 'c', '', '-x', '+y', '--- z', '\\ odd', '@@ -1 +1 @@');
    const text = fc
      .tuple(fc.array(line, { maxLength: 25 }), fc.boolean())
      .map(([lines, open]) => lines.join('\n') + (lines.length > 0 && !open ? '\n' : ''));
    await fc.assert(
      fc.asyncProperty(text, text, fc.nat(4), async (before, after, context) => {
        const diff = unifiedDiff(before, after, 'f', context);
        fc.pre(diff !== '');
        expect(await patched(diff, { f: before })).toEqual({ f: after });
      }),
      { numRuns: runs(500) },
    );
  });

  it('never applies to a text that differs in a line which the patch shows', async () => {
    const lines = fc.array(fc.constantFrom<string>('a', 'b', 'c'), { minLength: 3, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(lines, fc.nat(), async (before, seed) => {
        const at = seed % before.length;
        const text = (all: readonly string[]) => all.map((one) => `${one}\n`).join('');
        const patch = unifiedDiff(text(before), text(before.with(at, 'new')), 'f', 2);
        const other = text(before.with(at, 'other'));
        expect((await applyPatch(patch, tree({ f: other }))).ok).toBe(false);
      }),
    );
  });
});

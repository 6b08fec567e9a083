import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok, type Result } from '../../src/core/result.ts';
import { decodeDirectory, decodeTree, digestBytes, encodeTree } from '../../src/store/directory-message.ts';
import {
  layTrees,
  sealTree,
  type LabelledTree,
  type MergedTree,
  type TreeClash,
} from '../../src/store/merge.ts';
import { writeSketch, type TreeSketch } from './sketch.ts';
import { addTree, openTestStore, temporaryDirectory } from './temporary-store.ts';
import { runs } from '../setup/runs.ts';

function unite(trees: readonly LabelledTree[]): Result<MergedTree, TreeClash> {
  const laid = layTrees(trees);
  return laid.ok ? ok(sealTree(laid.value)) : laid;
}

async function listings(...sketches: TreeSketch[]): Promise<LabelledTree[]> {
  const store = await openTestStore();
  return Promise.all(
    sketches.map(async (sketch, at) => ({
      label: `tree ${String(at)}`,
      entries: await store.listTree(await addTree(store, sketch)),
    })),
  );
}

describe('a union of trees', () => {
  it('unites directories as if they had been copied over each other', async () => {
    const parts: TreeSketch[] = [
      { 'bin/a': { executable: 'a' }, 'lib/x/one': '1', share: { directory: true } },
      { 'bin/b': 'b', 'lib/x/two': '2', 'lib/x/one': '1' },
      { 'bin/c': { link: 'a' }, 'lib/link': { link: 'x' } },
    ];
    const directory = join(await temporaryDirectory(), 'all');
    await writeSketch(directory, Object.assign({}, ...parts) as TreeSketch);
    const store = await openTestStore();
    const adopted = await store.adoptTree(directory);
    if (!adopted.ok) throw new Error('unexpected');
    const trees = await listings(...parts);
    expect(unite(trees)).toMatchObject({
      ok: true,
      value: { tree: adopted.value, entries: await store.listTree(adopted.value) },
    });
  });

  it('leaves a single tree as it is, and returns nothing for none', async () => {
    const [only] = await listings({ a: '1' });
    if (only === undefined) throw new Error('unexpected');
    expect(unite([only])).toMatchObject({ ok: true, value: { entries: only.entries } });
    expect(unite([])).toMatchObject({ ok: true, value: { entries: [] } });
    expect(unite([only, only, only])).toMatchObject({ ok: true, value: { entries: only.entries } });
  });

  it.each<[string, TreeSketch, TreeSketch]>([
    ['content', { 'd/f': '1' }, { 'd/f': '2' }],
    ['the executable bit', { 'd/f': '1' }, { 'd/f': { executable: '1' } }],
    ['kind: file and link', { 'd/f': '1' }, { 'd/f': { link: '1' } }],
    ['kind: link and directory', { 'd/f': { link: 'x' } }, { 'd/f': { directory: true } }],
    ['kind: directory and file', { 'd/f/g': '1' }, { 'd/f': '1' }],
    ['link target', { 'd/f': { link: 'x' } }, { 'd/f': { link: 'y' } }],
  ])('finds a clash in %s', async (_, one, two) => {
    const trees = await listings({ 'd/other': '' }, one, two);
    expect(unite(trees)).toEqual({
      ok: false,
      failure: { file: 'd/f', labels: ['tree 1', 'tree 2'] },
    });
  });
});

describe('reading messages', () => {
  it('never throws on external bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        decodeDirectory(bytes);
        expect(decodeTree(bytes, digestBytes(Buffer.from('x')))).toBeUndefined();
      }),
      { numRuns: runs(500) },
    );
  });

  it.each(['..', '.', 'a/b', '/etc'])('refuses the name %j', (name) => {
    const child = Buffer.from([10, name.length, ...Buffer.from(name), 18, 1, 120]);
    const bytes = Buffer.from([26, child.length, ...child]);
    expect(decodeDirectory(bytes)).toBeUndefined();
    expect(decodeTree(encodeTree(bytes, []), digestBytes(bytes))).toBeUndefined();
  });
});

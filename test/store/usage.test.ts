import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { key } from '../../src/plan/names.ts';
import { diskUsage } from '../../src/store/disk-usage.ts';
import { measureStore } from '../../src/store/usage.ts';
import { addTree, openTestStore, temporaryDirectory } from './temporary-store.ts';

it('reports the space taken, by kind, stage and action', async () => {
  const store = await openTestStore();
  const big = await addTree(store, { 'bin/gcc': 'x'.repeat(300_000) });
  const scratch = await addTree(store, { build: 'x'.repeat(200_000) });
  const source = await addTree(store, { 'src/a': 'a' });
  const machine = await addTree(store, { 'usr/bin/cc': 'cc' });
  await addTree(store, { nobodys: '' });
  await store.putNote('sources', 'x', { tree: source });
  await store.putNote('machine', 'x', { found: [{ tree: machine }] });
  const times = { wallSeconds: 1, cpuSeconds: 1 };
  await store.putResult(key('aa'.repeat(32)), {
    action: 'stage-1/gcc',
    outputs: { out: big, build: scratch },
    scratch: ['build'],
    ...times,
  });
  await store.putResult(key('bb'.repeat(32)), { action: 'kernel/image', outputs: { out: big }, ...times });
  await store.putBlob(Buffer.from('blob'));
  await writeFile(join(await store.logDirectory(key('aa'.repeat(32))), 'log'), 'text');
  await mkdir(join(store.root, 'downloads'));
  await writeFile(join(store.root, 'downloads', 'ab'.repeat(32)), 'archive');
  await mkdir(join(store.root, 'damaged', 'half'));
  await mkdir(join(store.root, 'guests'));
  const work = await store.makeScratch('work');
  // On a file system in memory a directory alone takes no room.
  for (const directory of [join(store.root, 'damaged', 'half'), join(store.root, 'guests'), work.path]) {
    await writeFile(join(directory, 'file'), 'text');
  }

  const measured = await measureStore(store.root);
  if (!measured.ok) throw new Error(JSON.stringify(measured.failure));
  const { bytes, kinds, stages, actions } = measured.value;
  expect(Object.fromEntries(kinds.map(({ kind, count }) => [kind, count]))).toEqual({
    outputs: 1,
    'scratch outputs': 1,
    sources: 1,
    machine: 1,
    'other trees': 1,
    downloads: 1,
    logs: 1,
    blobs: 1,
    'results and notes': 2,
    'in use as scratch': 0,
    leftovers: 1,
    'other files': 0,
  });
  expect(kinds.reduce((sum, each) => sum + each.bytes, 0)).toBe(bytes);
  for (const { kind, bytes: each } of kinds) expect(each, kind).toBeGreaterThan(0);
  // All but the directories that hold what is counted.
  const whole = (await diskUsage(store.root)).bytes;
  expect(bytes).toBeLessThanOrEqual(whole);
  expect(bytes).toBeGreaterThan(whole - 16 * 16_384);
  expect(stages.map(({ name, trees }) => [name, trees])).toEqual([['stage-1', 2]]);
  const [gcc] = actions;
  expect(gcc).toMatchObject({ name: 'stage-1/gcc', trees: 2 });
  expect(gcc?.scratchBytes).toBeGreaterThanOrEqual(200_000);
  expect(gcc?.bytes).toBeGreaterThanOrEqual(500_000);
  // What it has remembered of sizes changes nothing but the room that this takes.
  const again = await measureStore(store.root);
  expect(again.ok && again.value.actions).toEqual(actions);
});

it('reports a missing store', async () => {
  const root = await temporaryDirectory();
  expect(await measureStore(root)).toEqual({ ok: false, failure: { reason: 'no-store', path: root } });
});

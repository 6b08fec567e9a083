import { access, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import { processStamp } from '../../src/core/process-stamp.ts';
import { tryProcessLock } from '../../src/core/process-lock.ts';
import { key, type Key } from '../../src/plan/names.ts';
import { collectGarbage, collectUnlessBusy, type Collection } from '../../src/store/collect.ts';
import type { CollectionPolicy } from '../../src/store/collection-policy.ts';
import { keepWithinLimit, readLimit, writeLimit } from '../../src/store/limit.ts';
import { rememberProducts } from '../../src/store/roots.ts';
import type { Store } from '../../src/store/store.ts';
import { writeSketch } from './sketch.ts';
import { addTree, listTrees, openTestStore, temporaryDirectory } from './temporary-store.ts';

const day = 24 * 3600 * 1000;
const keys = ['aa', 'bb', 'cc'].map((byte) => key(byte.repeat(32))) as [Key, Key, Key];

/** Makes all of a store as old as wanted, and ends the use of it by this process. */
async function age(store: Store, days: number): Promise<void> {
  await store.release();
  const then = (Date.now() - days * day) / 1000;
  for (const directory of ['trees', 'results', 'logs', 'downloads']) {
    for (const name of await readdir(join(store.root, directory)).catch(() => [])) {
      const path = join(store.root, directory, name);
      for (const inner of directory === 'logs' ? await readdir(path) : [])
        await utimes(join(path, inner), then, then);
      await utimes(path, then, then);
    }
  }
}

async function collect(store: Store, policy: Partial<CollectionPolicy>, dryRun = false): Promise<Collection> {
  const collected = await collectGarbage(store.root, { policy: { now: Date.now(), ...policy }, dryRun });
  if (!collected.ok) throw new Error(JSON.stringify(collected.failure));
  return collected.value;
}

function removedIds({ removed }: Collection): readonly string[] {
  return removed.map(({ id }) => id).toSorted();
}

async function putResult(
  store: Store,
  name: Key,
  tree: Digest,
  scratch: readonly string[] = [],
): Promise<void> {
  const action = `stage/${name.slice(0, 2)}`;
  await store.putResult(name, { action, outputs: { out: tree }, scratch, wallSeconds: 1, cpuSeconds: 1 });
}

describe('collectGarbage', () => {
  it('removes by age what was not used for long, results and logs too', async () => {
    const store = await openTestStore();
    const old = await addTree(store, { a: '1' });
    await putResult(store, keys[0], old);
    await writeFile(join(await store.logDirectory(keys[0]), 'log'), 'text');
    await age(store, 40);
    const young = await addTree(store, { b: '1' });
    await putResult(store, keys[1], young);
    await store.release();
    const removed = await collect(store, { olderThan: 30 * day });
    expect(removedIds(removed)).toEqual([keys[0], keys[0], old].toSorted());
    expect(await listTrees(store)).toEqual([young]);
    expect(await readdir(join(store.root, 'results'))).toEqual([`${keys[1]}.json`]);
    expect(await readdir(join(store.root, 'logs'))).toEqual([]);
    expect(await readdir(join(store.root, 'damaged'))).toEqual([]);
    expect(removed.freedBytes).toBeGreaterThan(0);
  });

  it('reports what would be removed and removes nothing in a dry run', async () => {
    const store = await openTestStore();
    const tree = await addTree(store, { a: '1' });
    await age(store, 40);
    const would = await collect(store, { maxBytes: 0 }, true);
    expect(removedIds(would)).toEqual([tree]);
    expect(await store.hasTree(tree)).toBe(true);
    await age(store, 40);
    expect(await collect(store, { maxBytes: 0 })).toMatchObject({
      freedBytes: would.freedBytes,
      leftBytes: would.leftBytes,
    });
  });

  it('removes by size, scratch outputs first, and keeps results that name what was removed', async () => {
    const store = await openTestStore();
    const scratch = await addTree(store, { 'build/x': 'x'.repeat(100_000) });
    const kept = await addTree(store, { 'bin/x': 'y'.repeat(100_000) });
    await putResult(store, keys[0], scratch, ['out']);
    await putResult(store, keys[1], kept);
    await age(store, 3);
    // The scratch output was used last, and goes first all the same.
    await store.verifyTree(scratch);
    await store.release();
    const { leftBytes } = await collect(store, {}, true);
    expect(removedIds(await collect(store, { maxBytes: leftBytes - 1 }))).toEqual([scratch]);
    expect(await store.getResult(keys[0])).toMatchObject({ outputs: { out: scratch } });
    expect(await store.hasTree(scratch)).toBe(false);
    expect(await store.hasTree(kept)).toBe(true);
  });

  it('counts a tree as scratch only if it is a scratch output of all its producers', async () => {
    const store = await openTestStore();
    const tree = await addTree(store, {});
    await putResult(store, keys[0], tree, ['out']);
    await putResult(store, keys[1], tree);
    await age(store, 3);
    expect((await collect(store, { scratchOutputs: true })).removed).toEqual([]);
    await putResult(store, keys[1], tree, ['out']);
    await age(store, 3);
    expect(removedIds(await collect(store, { scratchOutputs: true }))).toEqual([tree]);
  });

  it('counts finding a result as use of its trees', async () => {
    const store = await openTestStore();
    const [one, two] = [await addTree(store, { a: '1' }), await addTree(store, { b: '1' })];
    await putResult(store, keys[0], one);
    await putResult(store, keys[1], two);
    await age(store, 40);
    await store.getResult(keys[0]);
    await store.release();
    await collect(store, { olderThan: 30 * day });
    expect(await listTrees(store)).toEqual([one]);
  });

  it.each<[string, (store: Store, tree: Digest) => Promise<unknown>]>([
    ['looked for', (store, tree) => store.hasTree(tree)],
    ['verified', (store, tree) => store.verifyTree(tree)],
    ['found as a result', (store) => store.getResult(keys[0])],
    ['made once more', (store) => addTree(store, { a: '1' })],
  ])('leaves what a living process has %s, until it is done with it', async (_, use) => {
    const store = await openTestStore();
    const tree = await addTree(store, { a: '1' });
    await putResult(store, keys[0], tree);
    await age(store, 40);
    const user = await openTestStore(store.root);
    await use(user, tree);
    await collect(store, { olderThan: day, maxBytes: 0 });
    expect(await listTrees(store)).toEqual([tree]);
    await user.release();
    await collect(store, { maxBytes: 0 });
    expect(await listTrees(store)).toEqual([]);
  });

  it('does not heed the lease of a dead process', async () => {
    const store = await openTestStore();
    const tree = await addTree(store, { a: '1' });
    await age(store, 40);
    const dead = processStamp().replace(/^\d+\.\d+/, '4194305.7');
    await writeFile(
      join(store.root, 'leases', `${dead}-lease-00`),
      JSON.stringify({ started: 0, holds: [tree] }),
    );
    await writeFile(
      join(store.root, 'leases', `${processStamp()}-lease-00`),
      JSON.stringify({ started: Date.now(), holds: [] }),
    );
    await collect(store, { maxBytes: 0 });
    expect(await listTrees(store)).toEqual([]);
    expect(await readdir(join(store.root, 'leases'))).toEqual([`${processStamp()}-lease-00`]);
  });

  it('keeps everything if the lease of a living process cannot be read', async () => {
    const store = await openTestStore();
    const tree = await addTree(store, { a: '1' });
    await age(store, 40);
    await writeFile(join(store.root, 'leases', `${processStamp()}-lease-00`), '{');
    await collect(store, { maxBytes: 0 });
    expect(await listTrees(store)).toEqual([tree]);
  });

  it('keeps what products need, as long as they are in their directory', async () => {
    const store = await openTestStore();
    const out = join(await temporaryDirectory(), 'out');
    await mkdir(out);
    const [image, compiler, other] = [
      await addTree(store, { image: '1' }),
      await addTree(store, { gcc: '1' }),
      await addTree(store, { other: '1' }),
    ];
    for (const [at, tree] of [image, compiler, other].entries())
      await putResult(store, keys[at] ?? keys[0], tree);
    await writeFile(join(out, 'image'), '');
    await writeFile(join(out, 'gcc.tar'), '');
    await rememberProducts(store, out, { keys: [keys[0]], products: { image } });
    await rememberProducts(store, out, { keys: [keys[1]], products: { 'gcc.tar': compiler } });
    await age(store, 40);
    await collect(store, { olderThan: day, maxBytes: 0 });
    expect(await listTrees(store)).toEqual([image, compiler].toSorted());
    expect((await readdir(join(store.root, 'results'))).toSorted()).toEqual(
      [keys[0], keys[1]].map((each) => `${each}.json`),
    );
    // A product that is gone, and one that another run has taken the place of.
    await rm(join(out, 'image'));
    const newer = await addTree(store, { gcc: '2' });
    await rememberProducts(store, out, { keys: [keys[2]], products: { 'gcc.tar': newer } });
    await age(store, 40);
    await collect(store, { maxBytes: 0 });
    expect(await listTrees(store)).toEqual([newer]);
    await rm(out, { recursive: true });
    await collect(store, { maxBytes: 0 });
    expect(await listTrees(store)).toEqual([]);
  });

  it('removes archives too, but none while a build runs', async () => {
    const store = await openTestStore();
    const archive = join(store.root, 'downloads', 'ab'.repeat(32));
    await mkdir(join(store.root, 'downloads', 'apt'), { recursive: true });
    await writeFile(archive, 'bytes');
    await age(store, 40);
    const user = await openTestStore(store.root);
    await user.hasTree(await addTree(user, {}));
    await collect(store, { maxBytes: 0 });
    await access(archive);
    await user.release();
    await collect(store, { maxBytes: 0 });
    expect(await readdir(join(store.root, 'downloads'))).toEqual(['apt']);
  });

  it('removes what failed actions left, unless somebody is in it or may have left it just now', async () => {
    const store = await openTestStore();
    await store.makeScratch('a build');
    for (const name of [keys[0], keys[1]]) await writeSketch(store.keptPath(name), { 'd/file': 'text' });
    const entered = await store.openKept(keys[0]);
    if (typeof entered === 'string') throw new Error(entered);
    expect((await collect(store, {})).leftovers).toBe(0);
    await store.release();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await collect(store, {});
    expect(await readdir(join(store.root, 'kept'))).toEqual([keys[0]]);
    await entered.release();
    await collect(store, {});
    expect(await readdir(join(store.root, 'kept'))).toEqual([]);
  });

  it('removes halves of trees, and leftovers of killed processes', async () => {
    const store = await openTestStore();
    const [one, two] = [await addTree(store, { a: '1' }), await addTree(store, { b: '1' })];
    await store.release();
    await rm(join(store.root, 'trees', `${one}.directory`));
    await rm(join(store.root, 'trees', two), { recursive: true });
    await mkdir(join(store.root, 'damaged', 'x'));
    const dead = processStamp().replace(/^\d+\.\d+/, '4194305.7');
    await mkdir(join(store.root, 'scratch', `${dead}-x-00`));
    const would = await collect(store, {}, true);
    expect(would.leftovers).toBe(4);
    expect(await readdir(join(store.root, 'trees'))).toHaveLength(2);
    expect((await collect(store, {})).leftovers).toBe(4);
    for (const name of ['trees', 'damaged', 'scratch'])
      expect(await readdir(join(store.root, name)), name).toEqual([]);
  });

  it('leaves half a tree alone that a build may be making', async () => {
    const store = await openTestStore();
    await store.getNote('actions', 'x');
    const tree = await addTree(store, { a: '1' });
    await rm(join(store.root, 'trees', tree), { recursive: true });
    await collect(store, { maxBytes: 0 });
    expect(await readdir(join(store.root, 'trees'))).toEqual([`${tree}.directory`]);
  });

  it('removes the locks of dead processes, except in a dry run', async () => {
    const store = await openTestStore();
    await store.release();
    const dead = processStamp().replace(/^\d+\.\d+/, '4194305.7');
    await writeFile(join(store.root, 'locks', keys[0]), `${dead} 0123456789abcdef`);
    await collect(store, {}, true);
    expect(await readdir(join(store.root, 'locks'))).toEqual([keys[0]]);
    await collect(store, {});
    expect(await readdir(join(store.root, 'locks'))).toEqual([]);
  });

  it('waits for another collector, until aborted', async () => {
    const store = await openTestStore();
    const lock = await tryProcessLock(join(store.root, 'locks', 'collector'));
    const abort = new AbortController();
    let waited = 0;
    const onWait = (): void => {
      waited += 1;
      abort.abort('SIGINT');
    };
    const policy = { now: Date.now(), maxBytes: 0 };
    expect(await collectGarbage(store.root, { policy, onWait, signal: abort.signal })).toEqual({
      ok: false,
      failure: { reason: 'interrupted', signal: 'SIGINT' },
    });
    expect(waited).toBe(1);
    expect(await collectUnlessBusy(store.root, { policy })).toEqual({ ok: true, value: undefined });
    await lock?.release();
    expect(await collectUnlessBusy(store.root, { policy })).toMatchObject({
      ok: true,
      value: { removed: [] },
    });
  });

  it.each(['locks', 'leases', 'damaged'])('reports what is in the place of %s', async (name) => {
    const store = await openTestStore();
    await store.release();
    const path = join(store.root, name);
    await rm(path, { recursive: true });
    await writeFile(path, '');
    expect(await collectGarbage(store.root, { policy: { now: 0 } })).toMatchObject({
      ok: false,
      failure: { reason: 'unwritable', path, detail: expect.stringContaining('Something else') as string },
    });
  });

  it('reports a missing store, and creates none', async () => {
    const root = join(await temporaryDirectory(), 'none');
    expect(await collectGarbage(root, { policy: { now: 0 } })).toEqual({
      ok: false,
      failure: { reason: 'no-store', path: root },
    });
    await expect(access(root)).rejects.toThrow();
  });
});

describe('the limit of a store', () => {
  it('is kept in it, and obeyed by whatever builds with it', async () => {
    const store = await openTestStore();
    const tree = await addTree(store, { a: 'x'.repeat(50_000) });
    await age(store, 1);
    expect(await readLimit(store.root)).toBeUndefined();
    expect(await keepWithinLimit(store)).toEqual({ ok: true, value: undefined });
    await writeLimit(store.root, 1e12);
    expect(await readLimit(store.root)).toBe(1e12);
    expect(await keepWithinLimit(store)).toMatchObject({ ok: true, value: { removed: [] } });
    await writeLimit(store.root, 1000);
    expect(await keepWithinLimit(store)).toMatchObject({ ok: true, value: { removed: [{ id: tree }] } });
    await writeLimit(store.root, undefined);
    expect(await readLimit(store.root)).toBeUndefined();
    const root = join(store.root, 'none');
    expect(await writeLimit(root, 1)).toEqual({ ok: false, failure: { reason: 'no-store', path: root } });
  });
});

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { buildAndRead, makeTrees, treeOf, type TreesRequest } from '../../src/build/make-trees.ts';
import type { BuildEvent } from '../../src/core/event.ts';
import { StoreFault } from '../../src/core/fault.ts';
import { failed, ok } from '../../src/core/result.ts';
import { openRig, type Rig } from '../engine/rig.ts';
import { out, product, sampleAction, samplePlan, sourceRef } from '../plan/sample.ts';

const gcc = sourceRef('gcc', '14.2.0');
const a = sampleAction('s/a', { inputs: { '/src': gcc } });
const b = sampleAction('s/b', { tools: [out(a)] });
const plan = samplePlan([a, b]);
const wanted = { first: { action: a.name, output: 'out' }, second: { action: b.name, output: 'out' } };

/** A request on a rig's store and scripted surroundings; what is told is kept. */
function requestOn(rig: Rig, more: Partial<TreesRequest> = {}) {
  const events: BuildEvent[] = [];
  const { store, executor, sources, machine } = rig;
  const files = (): Promise<never> => Promise.reject(new Error('no file is named'));
  const request: TreesRequest = {
    plan,
    context: { store, executors: [executor], sources, machine, files, variants: () => [] },
    onEvent: (event) => events.push(event),
    signal: new AbortController().signal,
    ...more,
  };
  const told = (): readonly string[] =>
    events.flatMap((event) => (event.kind === 'failed' ? [event.failure.reason] : []));
  return { request, told };
}

async function made(rig: Rig) {
  const trees = await makeTrees(requestOn(rig).request, wanted);
  if (!trees.ok) throw new Error(JSON.stringify(trees.failure));
  return trees.value;
}

describe('trees', () => {
  test('are returned under the names given by the caller', async () => {
    const rig = await openRig();
    const { first, second } = await made(rig);
    expect(rig.executor.calls).toEqual(['s/a', 's/b']);
    expect(first.digest).not.toBe(second.digest);
    for (const { path: directory, digest } of [first, second]) {
      expect(directory).toBe(rig.store.treePath(digest));
      expect(await readFile(path.join(directory, 'content'), 'utf8')).not.toBe('');
    }
  });

  test('that turn out to be damaged are made again, running only their producers', async () => {
    const rig = await openRig();
    const before = await made(rig);
    await writeFile(path.join(before.first.path, 'content'), 'spoilt');
    const again = await rig.restart();
    again.executor.calls.length = 0;
    expect(await made(again)).toEqual(before);
    expect(again.executor.calls).toEqual(['s/a']);
  });

  test('that are missing are made again, even if no product needs them', async () => {
    const rig = await openRig();
    const before = await made(rig);
    await rig.store.removeTree(before.first.digest);
    const again = await rig.restart();
    expect(await made(again)).toEqual(before);
  });

  test('that are damaged every time they are made fail the build, which is reported once', async () => {
    const rig = await openRig();
    vi.spyOn(rig.store, 'verifyTree').mockImplementation(async (tree) => {
      await rig.store.removeTree(tree);
      return failed({ reason: 'damaged-tree', digest: tree, detail: 'bad disk' });
    });
    const { request, told } = requestOn(rig, { plan: samplePlan([sampleAction('s/c')]) });
    const trees = await makeTrees(request, { c: { action: sampleAction('s/c').name, output: 'out' } });
    expect(trees).toMatchObject({ ok: false, failure: [{ reason: 'damaged-tree' }] });
    expect(told()).toEqual(['damaged-tree']);
    expect(rig.executor.calls).toEqual(['s/c', 's/c']);
  });

  test('that cannot be made return the failures of the build, already reported', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('s/a', { exitCode: 3 });
    const { request, told } = requestOn(rig);
    expect(await makeTrees(request, wanted)).toMatchObject({
      ok: false,
      failure: [{ reason: 'action-failed', exitCode: 3 }],
    });
    expect(told()).toEqual(['action-failed']);
  });

  test('end with the signal', async () => {
    const rig = await openRig();
    const { request } = requestOn(rig, { signal: AbortSignal.abort('SIGTERM') });
    expect(await makeTrees(request, wanted)).toEqual({
      ok: false,
      failure: [{ reason: 'interrupted', signal: 'SIGTERM' }],
    });
  });
});

describe('what may be done for trees', () => {
  test('keeps an action from running, and runs those that may', async () => {
    const rig = await openRig();
    const allowed = { mayRun: (name: string) => name === a.name, mayFetch: true };
    const { request } = requestOn(rig, { allowed });
    expect(await makeTrees(request, wanted)).toMatchObject({
      ok: false,
      failure: [{ reason: 'not-allowed', kind: 'action', name: 's/b' }],
    });
    expect(rig.executor.calls).toEqual(['s/a']);
  });

  test('keeps a source from being fetched', async () => {
    const rig = await openRig();
    const { request } = requestOn(rig, { allowed: { mayRun: () => true, mayFetch: false } });
    expect(await makeTrees(request, wanted)).toMatchObject({
      ok: false,
      failure: [{ reason: 'not-allowed', kind: 'source', name: 'gcc' }],
    });
    expect(rig.sources.obtained).toEqual([]);
  });

  test('does not matter for what is in the store', async () => {
    const rig = await openRig();
    const before = await made(rig);
    const { request } = requestOn(rig, { allowed: { mayRun: () => false, mayFetch: false } });
    expect(await makeTrees(request, wanted)).toEqual(ok(before));
  });
});

describe('what reads a build', () => {
  const whole = samplePlan([a, b], { products: [product(b)] });

  test('gets it again if it found a damaged tree', async () => {
    const rig = await openRig();
    const trees: string[] = [];
    const { request } = requestOn(rig, { plan: whole });
    const value = await buildAndRead(request, async (outcome) => {
      const tree = treeOf(outcome, wanted.second);
      trees.push(tree);
      if (trees.length === 1) await rig.store.removeTree(tree);
      const verified = await rig.store.verifyTree(tree);
      return verified.ok ? ok('read') : verified;
    });
    expect(value).toEqual(ok('read'));
    expect(trees).toEqual([trees[0], trees[0]]);
    expect(rig.executor.calls).toEqual(['s/a', 's/b', 's/b']);
  });

  test('may fail with a store fault, which becomes an ordinary failure', async () => {
    const rig = await openRig();
    const { request, told } = requestOn(rig, { plan: whole });
    const failure = { reason: 'no-room', path: '/store', detail: 'full' } as const;
    const value = await buildAndRead(request, () => Promise.reject(new StoreFault(failure)));
    expect(value).toEqual({ ok: false, failure: [failure] });
    expect(told()).toEqual(['no-room']);
  });
});

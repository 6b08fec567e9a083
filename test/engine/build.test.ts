import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { recallAction } from '../../src/engine/history.ts';
import type { Digest } from '../../src/core/digest.ts';
import { run } from '../../src/plan/builder.ts';
import { repoPath } from '../../src/plan/names.ts';
import { out, product, sampleAction, sampleFiles, samplePlan, sourceRef } from '../plan/sample.ts';
import { good, openRig, patient } from './rig.ts';
import { gate } from './scripted-executor.ts';

const compiler = { kind: 'compiler' } as const;
const a = sampleAction('s/a', { inputs: { '/src': sourceRef('gcc', '14.2.0'), '/': compiler } });
const b = sampleAction('s/b', { tools: [out(a)] });
const c = sampleAction('s/c', { tools: [out(b)], inputs: { '/src': sourceRef('musl') } });
const plan = samplePlan([a, b, c], { products: [product(c)], goals: [] });
const changedA = sampleAction('s/a', {
  commands: [run(['true'])],
  inputs: { '/src': sourceRef('gcc', '14.2.0'), '/': compiler },
});
const changedPlan = samplePlan([changedA, b, c], { products: [product(c)], goals: [] });

describe('a first build', () => {
  test('runs everything in order, obtains what is read, and tells of it', async () => {
    const rig = await openRig();
    const outcome = good(await rig.build(plan));
    expect(rig.executor.calls).toEqual(['s/a', 's/b', 's/c']);
    expect(outcome.ran).toEqual(['s/a', 's/b', 's/c']);
    expect(outcome.cached).toEqual([]);
    expect([...rig.sources.obtained].sort()).toEqual(['gcc 14.2.0', 'musl 1.0']);
    expect(rig.machine.probed).toEqual(['compiler']);
    expect(rig.whys()['s/a']).toEqual({ kind: 'never-built' });
    const result = outcome.results.get(c.name);
    expect(result).toMatchObject({ wallSeconds: 1, cpuSeconds: 2 });
    expect(await rig.store.hasTree(result?.outputs['out'] as Digest)).toBe(true);
    expect([...outcome.sources.keys()].sort()).toEqual(['gcc 14.2.0', 'musl 1.0']);
    expect(rig.events.at(-1)).toMatchObject({
      kind: 'build-finished',
      ran: 3,
      cached: 0,
      failed: 0,
      cpuSeconds: 6,
    });
  });

  test('stores with a result which of its outputs are scratch, and nothing if none is', async () => {
    const rig = await openRig();
    const withScratch = { ...a, scratch: ['out'] };
    const outcome = good(
      await rig.build(samplePlan([withScratch, b, c], { products: [product(c)], goals: [] })),
    );
    const resultOf = async ({ name }: typeof a) => {
      const key = outcome.results.get(name)?.key;
      return key === undefined ? undefined : rig.store.getResult(key);
    };
    expect((await resultOf(a))?.scratch).toEqual(['out']);
    expect(await resultOf(b)).not.toHaveProperty('scratch');
  });

  test('gives the same keys again in another store', async () => {
    const [one, two] = [await openRig(), await openRig()];
    const first = good(await one.build(plan));
    const second = good(await two.build(samplePlan([c, b, a], { products: [product(c)], goals: [] })));
    expect([...second.results].sort()).toEqual([...first.results].sort());
  });
});

describe('a second build', () => {
  test('with nothing to do runs nothing, and asks for nothing', async () => {
    const rig = await openRig();
    good(await rig.build(plan));
    const outcome = good(await rig.build(plan));
    expect(outcome.ran).toEqual([]);
    expect(outcome.cached).toEqual(['s/a', 's/b', 's/c']);
    expect(rig.executor.calls).toEqual([]);
    expect(rig.sources.obtained).toEqual([]);
    expect(rig.executor.checks).toBe(1);
    expect(rig.events.map((event) => event.kind)).toEqual([
      'build-started',
      'action-cached',
      'action-cached',
      'action-cached',
      'build-finished',
    ]);
  });

  test('runs what a changed recipe reaches', async () => {
    const rig = await openRig();
    good(await rig.build(plan));
    good(await rig.build(changedPlan));
    expect(rig.whys()).toEqual({
      's/a': { kind: 'recipe-changed' },
      's/b': { kind: 'inputs-changed', refs: ['s/a:out'] },
      's/c': { kind: 'inputs-changed', refs: ['s/b:out'] },
    });
  });

  test('stops early if a rebuilt output is unchanged', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('s/b', { makes: 'always the same' });
    good(await rig.build(plan));
    const outcome = good(await rig.build(changedPlan));
    expect(outcome.ran).toEqual(['s/a', 's/b']);
    expect(outcome.cached).toEqual(['s/c']);
    const finished = rig.events.flatMap((event) => (event.kind === 'action-finished' ? [event] : []));
    expect(finished.map(({ action, unchanged }) => [action, unchanged])).toEqual([
      ['s/a', false],
      ['s/b', true],
    ]);
  });

  test('obtains a source whose patches changed, and stops there when its tree is the same', async () => {
    const rig = await openRig();
    rig.sources.contents.set('musl 1.0', 'patched, all the same');
    good(await rig.build(plan));
    const files = new Map(sampleFiles);
    files.delete(repoPath('patches/musl/1.0/0002-b.patch'));
    const other = samplePlan([a, b, c], { products: [product(c)], goals: [], files });
    good(await rig.build(other));
    expect(rig.sources.obtained).toEqual(['musl 1.0']);
    expect(rig.executor.calls).toEqual([]);
  });

  test('runs what another compiler of the machine reaches', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('s/a', { makes: 'the same for every compiler' });
    good(await rig.build(plan));
    rig.machine.compiler = 'gcc 13';
    const outcome = good(await rig.build(plan));
    expect(outcome.ran).toEqual(['s/a']);
    expect(rig.whys()).toEqual({ 's/a': { kind: 'inputs-changed', refs: ["the machine's compiler"] } });
  });

  test('of an action that turned back to an earlier recipe finds the earlier result', async () => {
    const rig = await openRig();
    good(await rig.build(plan));
    good(await rig.build(changedPlan));
    expect(good(await rig.build(plan)).ran).toEqual([]);
  });
});

describe('trees that are missing or damaged', () => {
  test('are made again only if something reads them', async () => {
    const rig = await openRig();
    const first = good(await rig.build(plan));
    for (const { outputs } of first.results.values()) await rig.store.removeTree(outputs['out'] as Digest);
    const treeOfC = first.results.get(c.name)?.outputs['out'];
    const outcome = good(await rig.build(plan));
    // c is a product, so it runs again, for which b must, for which a must.
    expect(outcome.ran).toEqual(['s/a', 's/b', 's/c']);
    expect(outcome.results.get(c.name)?.outputs['out']).toBe(treeOfC);
    expect(rig.whys()['s/b']).toEqual({ kind: 'tree-gone', outputs: ['out'] });
  });

  test('that nothing reads stay missing', async () => {
    const rig = await openRig();
    const first = good(await rig.build(plan));
    for (const name of [a.name, b.name]) {
      await rig.store.removeTree(first.results.get(name)?.outputs['out'] as Digest);
    }
    expect(good(await rig.build(plan)).ran).toEqual([]);
    // b's recipe changes: it needs a's tree, and c needs what b makes.
    const otherB = sampleAction('s/b', { tools: [out(a)], commands: [run(['true'])] });
    const outcome = good(await rig.build(samplePlan([a, otherB, c], { products: [product(c)], goals: [] })));
    expect(outcome.ran).toEqual(['s/a', 's/b', 's/c']);
    expect(rig.whys()['s/a']).toEqual({ kind: 'tree-gone', outputs: ['out'] });
    expect(rig.whys()['s/b']).toEqual({ kind: 'recipe-changed' });
  });

  test('that come out differently change the keys of what follows', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('s/a', { makes: 'first' });
    const first = good(await rig.build(plan));
    await rig.store.removeTree(first.results.get(a.name)?.outputs['out'] as Digest);
    await rig.store.removeTree(first.results.get(b.name)?.outputs['out'] as Digest);
    await rig.store.removeTree(first.results.get(c.name)?.outputs['out'] as Digest);
    rig.executor.behaviours.set('s/a', { makes: 'second' });
    const second = good(await rig.build(plan));
    expect(second.results.get(b.name)?.key).not.toBe(first.results.get(b.name)?.key);
    expect(rig.whys()['s/b']).toEqual({ kind: 'inputs-changed', refs: ['s/a:out'] });
  });

  test('are noticed when they are damaged, and made again', async () => {
    const rig = await openRig();
    const first = good(await rig.build(plan));
    await writeFile(
      join(rig.store.treePath(first.results.get(a.name)?.outputs['out'] as Digest), 'content'),
      'x',
    );
    const again = await rig.restart();
    const otherB = sampleAction('s/b', { tools: [out(a)], commands: [run(['true'])] });
    const outcome = good(
      await again.build(samplePlan([a, otherB, c], { products: [product(c)], goals: [] })),
    );
    expect(outcome.ran).toEqual(['s/a', 's/b', 's/c']);
    expect(outcome.results.get(a.name)?.outputs).toEqual(first.results.get(a.name)?.outputs);
  });

  test('of sources are obtained again', async () => {
    const rig = await openRig();
    const first = good(await rig.build(plan));
    for (const tree of first.sources.values()) await rig.store.removeTree(tree);
    expect(good(await rig.build(plan)).ran).toEqual([]);
    expect(rig.sources.obtained).toEqual([]);
    good(await rig.build(changedPlan));
    expect(rig.executor.calls).toEqual(['s/a', 's/b', 's/c']);
    expect([...rig.sources.obtained].sort()).toEqual(['gcc 14.2.0', 'musl 1.0']);
  });

  test('that are damaged every time they are made fail the build', async () => {
    const rig = await openRig();
    vi.spyOn(rig.store, 'verifyTree').mockImplementation(async (tree) => {
      await rig.store.removeTree(tree);
      return { ok: false, failure: { reason: 'damaged-tree', digest: tree, detail: 'bad disk' } };
    });
    const outcome = await rig.build(plan);
    expect(outcome.failures).toMatchObject([{ reason: 'damaged-tree' }]);
  });
});

describe('failures', () => {
  test('name the action, its exit code, its last lines and its log', async () => {
    const rig = await openRig();
    const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`);
    rig.executor.behaviours.set('s/b', { exitCode: 2, lines });
    const outcome = await rig.build(plan);
    expect(outcome.ok).toBe(false);
    expect(outcome.failures).toMatchObject([{ reason: 'action-failed', action: 's/b', exitCode: 2 }]);
    const [failure] = outcome.failures;
    if (failure?.reason !== 'action-failed') throw new Error('unreachable');
    expect(failure.lastLines).toEqual(lines.slice(15));
    const history = await recallAction(rig.store, b.name);
    expect(history?.built).toBeUndefined();
    expect(failure.log).toBe(join(await rig.store.logDirectory(history?.key as never), 'log'));
    expect(outcome.ran).toEqual(['s/a']);
    expect([...outcome.results.keys()]).toEqual(['s/a']);
    expect(rig.executor.calls).toEqual(['s/a', 's/b']);
  });

  test('leave what was done: the next build continues there', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('s/b', { exitCode: 1 });
    await rig.build(plan);
    rig.executor.behaviours.clear();
    expect(good(await rig.build(plan)).ran).toEqual(['s/b', 's/c']);
    expect(rig.whys()['s/b']).toEqual({ kind: 'never-built' });
  });

  const x = sampleAction('t/x', { weight: 100 });
  const y = sampleAction('t/y', { weight: 50 });
  const z = sampleAction('t/z', { weight: 10 });
  const y2 = sampleAction('t/y2', { tools: [out(y)] });
  const wide = samplePlan([x, y, z, y2]);

  test('let running actions end, and start no others', async () => {
    const rig = await openRig();
    const held = gate();
    rig.executor.behaviours.set('t/x', { exitCode: 1 });
    rig.executor.behaviours.set('t/y', { holds: held.passed });
    const building = rig.build(wide);
    await expect.poll(() => rig.events.map(({ kind }) => kind), patient).toContain('waiting');
    held.open();
    const outcome = await building;
    expect([...rig.executor.calls].sort()).toEqual(['t/x', 't/y']);
    expect(outcome.ran).toEqual(['t/y']);
  });

  test('tell once which running actions are waited for', async () => {
    const rig = await openRig();
    const [first, second] = [gate(), gate()];
    rig.executor.behaviours.set('t/x', { exitCode: 1 });
    rig.executor.behaviours.set('t/y', { holds: first.passed });
    rig.executor.behaviours.set('t/z', { holds: second.passed });
    const told = () => rig.events.filter(({ kind }) => kind === 'waiting');
    const building = rig.build(wide, { jobs: 3 });
    await expect.poll(told, patient).toHaveLength(1);
    first.open();
    await expect.poll(() => rig.executor.running.size, patient).toBe(1);
    second.open();
    await building;
    expect(told()).toEqual([
      { kind: 'waiting', at: expect.any(Number) as number, actions: ['t/y', 't/z'], sources: [] },
    ]);
    const kinds = rig.events.map(({ kind }) => kind);
    expect(kinds.indexOf('waiting')).toBeGreaterThan(kinds.indexOf('failed'));
  });

  test('tell which sources are waited for', async () => {
    const rig = await openRig();
    const held = gate();
    const obtain = rig.sources.obtain.bind(rig.sources);
    vi.spyOn(rig.sources, 'obtain').mockImplementation(async (source, progress) => {
      if (source.name === 'musl') await held.passed;
      return obtain(source, progress);
    });
    rig.sources.failures.set('gcc 14.2.0', {
      reason: 'source-unavailable',
      source: 'gcc',
      attempts: [],
      offline: true,
    });
    const building = rig.build(plan);
    await expect.poll(() => rig.events.filter(({ kind }) => kind === 'waiting'), patient).toHaveLength(1);
    held.open();
    await building;
    expect(rig.events).toContainEqual(
      expect.objectContaining({ kind: 'waiting', actions: [], sources: ['musl 1.0'] }),
    );
  });

  test('report no waiting if nothing runs, if the rest continues, or after an interrupt', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('s/b', { exitCode: 1 });
    await rig.build(plan);
    expect(rig.events.map(({ kind }) => kind)).not.toContain('waiting');
    rig.executor.behaviours.set('t/y', { exitCode: 1 });
    await rig.build(wide, { keepGoing: true });
    expect(rig.events.map(({ kind }) => kind)).not.toContain('waiting');
    const other = await openRig();
    const controller = new AbortController();
    other.executor.behaviours.set('t/x', { holds: new Promise(() => undefined) });
    other.executor.behaviours.set('t/y', { holds: new Promise(() => undefined) });
    const building = other.build(wide, { signal: controller.signal });
    await expect.poll(() => other.executor.running.size, patient).toBe(2);
    controller.abort('SIGINT');
    await building;
    expect(other.events.map(({ kind }) => kind)).not.toContain('waiting');
  });

  test('with keepGoing stop only what depends on them', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('t/y', { exitCode: 1 });
    const outcome = await rig.build(wide, { keepGoing: true });
    expect([...outcome.ran].sort()).toEqual(['t/x', 't/z']);
    expect(outcome.failures).toHaveLength(1);
    expect(outcome.failed).toEqual(['t/y']);
    expect(outcome.skipped).toEqual([{ action: 't/y2', because: ['t/y'] }]);
    expect(rig.events.slice(-2)).toMatchObject([
      { kind: 'action-skipped', action: 't/y2', because: ['t/y'] },
      { kind: 'build-finished', ran: 2, cached: 0, failed: 1, skipped: 1 },
    ]);
  });

  test('with keepGoing name what was skipped over any number of steps, and every cause', async () => {
    const rig = await openRig();
    const failure = { reason: 'source-unavailable', source: 'gcc', attempts: [], offline: true } as const;
    rig.sources.failures.set('gcc 14.2.0', failure);
    rig.executor.behaviours.set('t/y', { exitCode: 1 });
    const both = sampleAction('t/both', { tools: [out(y2), out(a)] });
    const outcome = await rig.build(samplePlan([a, b, y, y2, both, z]), { keepGoing: true });
    expect(outcome.ran).toEqual(['t/z']);
    expect(outcome.skipped).toEqual([
      { action: 's/a', because: ['gcc 14.2.0'] },
      { action: 's/b', because: ['gcc 14.2.0'] },
      { action: 't/y2', because: ['t/y'] },
      { action: 't/both', because: ['t/y', 'gcc 14.2.0'] },
    ]);
  });

  test('of one action do not list actions that were never tried', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('t/y', { exitCode: 1 });
    const held = gate();
    rig.executor.behaviours.set('t/x', { holds: held.passed });
    const building = rig.build(wide);
    await expect.poll(() => rig.events.map(({ kind }) => kind), patient).toContain('waiting');
    held.open();
    await building;
    expect(rig.events.map(({ kind }) => kind)).not.toContain('action-skipped');
    expect(rig.events.at(-1)).toMatchObject({ failed: 1, skipped: 1 });
  });

  test('of the executor are handed on', async () => {
    const rig = await openRig();
    const failure = { reason: 'backend-unreachable', backend: 'scripted', detail: 'gone' } as const;
    rig.executor.behaviours.set('s/a', { failure });
    expect((await rig.build(plan)).failures).toEqual([failure]);
    rig.executor.behaviours.clear();
    rig.executor.refusal = failure;
    expect((await rig.build(plan, { keepGoing: true })).failures).toEqual([failure]);
    expect(rig.executor.calls).toEqual([]);
  });

  test('of sources are handed on', async () => {
    const rig = await openRig();
    const failure = { reason: 'source-unavailable', source: 'gcc', attempts: [], offline: true } as const;
    rig.sources.failures.set('gcc 14.2.0', failure);
    const outcome = await rig.build(plan);
    expect(outcome.failures).toEqual([failure]);
    expect(rig.executor.calls).toEqual([]);
  });

  test('of a full disk are reported once, however many actions fail', async () => {
    const rig = await openRig();
    const full = { reason: 'no-room', path: '/store', detail: 'ENOSPC' } as const;
    rig.sources.failures.set('gcc 14.2.0', full);
    rig.sources.failures.set('musl 1.0', { ...full, path: '/store/scratch' });
    expect((await rig.build(plan)).failures).toEqual([full]);
    expect(rig.events.filter(({ kind }) => kind === 'failed')).toHaveLength(1);
  });

  test('that are bugs are thrown, when all that runs has ended', async () => {
    const rig = await openRig();
    rig.executor.behaviours.set('t/x', { throws: new Error('a bug') });
    rig.executor.behaviours.set('t/y', { holds: new Promise(() => undefined) });
    await expect(rig.build(wide)).rejects.toThrow('a bug');
    expect(rig.executor.running.size).toBe(0);
  });

  test('a file that changed after planning', async () => {
    const rig = await openRig();
    const file = { kind: 'file', path: repoPath('target/init'), executable: true } as const;
    const { digest } = sampleFiles.get(file.path) ?? { digest: undefined as never };
    const action = sampleAction('s/init', { inputs: { '/init': { ...file, digest } } });
    const outcome = await rig.build(samplePlan([action]));
    expect(outcome.failures).toMatchObject([{ reason: 'bad-input', file: 'target/init' }]);
  });
});

describe('interruption', () => {
  test('ends what runs, and the next build continues there', async () => {
    const rig = await openRig();
    const controller = new AbortController();
    rig.executor.behaviours.set('s/b', { holds: new Promise(() => undefined) });
    const building = rig.build(plan, { signal: controller.signal });
    await expect.poll(() => [...rig.executor.running], patient).toEqual(['s/b']);
    controller.abort('SIGTERM');
    const outcome = await building;
    expect(outcome.failures).toEqual([{ reason: 'interrupted', signal: 'SIGTERM' }]);
    expect(outcome.ran).toEqual(['s/a']);
    const again = await rig.restart();
    again.executor.behaviours.clear();
    expect(good(await again.build(plan)).ran).toEqual(['s/b', 's/c']);
    expect(await readdir(join(rig.store.root, 'scratch'))).toEqual([]);
  });

  test('before anything started', async () => {
    const rig = await openRig();
    const outcome = await rig.build(plan, { signal: AbortSignal.abort() });
    expect(outcome.failures).toEqual([{ reason: 'interrupted', signal: 'SIGINT' }]);
    expect(rig.executor.calls).toEqual([]);
    // It is told, but counts as no failure.
    expect(rig.events.at(-1)).toMatchObject({ kind: 'build-finished', failed: 0, skipped: 0 });
  });
});

describe('two engines on one store', () => {
  test('give the same results', async () => {
    const one = await openRig();
    const two = await one.restart();
    const [first, second] = await Promise.all([
      one.build(plan, { company: true }),
      two.build(plan, { company: true }),
    ]);
    expect(good(second).results.get(c.name)?.outputs).toEqual(good(first).results.get(c.name)?.outputs);
    // Each action ran in one of them.
    expect([...first.ran, ...second.ran].sort()).toEqual(['s/a', 's/b', 's/c']);
  });
});

describe('a lost result', () => {
  test('is made again, and nothing else', async () => {
    const rig = await openRig();
    const first = good(await rig.build(plan));
    await rm(join(rig.store.root, 'results', `${first.results.get(b.name)?.key ?? ''}.json`));
    const outcome = good(await rig.build(plan));
    expect(outcome.ran).toEqual(['s/b']);
    expect(rig.whys()['s/b']).toEqual({ kind: 'tree-gone', outputs: ['out'] });
  });
});

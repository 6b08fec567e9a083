import { describe, expect, test } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import { out, sampleAction, samplePlan } from '../plan/sample.ts';
import { good, openRig, patient, type Rig } from './rig.ts';
import { gate, ScriptedExecutor } from './scripted-executor.ts';

/** An action for another machine than the samples' own. */
function foreign(name: string, options: Parameters<typeof sampleAction>[1] = {}): Action {
  return sampleAction(name, { ...options, platform: { os: 'linux', cpu: 'armv5l' } });
}

function unreachable(backend: string) {
  return { reason: 'backend-unreachable', backend, detail: 'connection reset' } as const;
}

/** Three executors of two machines: the rig's own, a second one for the same machine, and one for the other. */
function three(rig: Rig) {
  const far = new ScriptedExecutor(rig.store, 'far');
  const guest = new ScriptedExecutor(rig.store, 'guest', 'armv5l');
  return { near: rig.executor, far, guest, executors: [rig.executor, far, guest] };
}

describe('several executors', () => {
  const native = ['s/a', 's/b', 's/c', 's/d'].map((name) => sampleAction(name));
  const [first, second] = [foreign('t/x'), foreign('t/y')];
  const last = sampleAction('s/last', { tools: [...native.map(out), out(first), out(second)] });
  const plan = samplePlan([...native, first, second, last]);

  test('run each action on its platform, even while one is full and another fails', async () => {
    const rig = await openRig();
    const { near, far, guest, executors } = three(rig);
    // Somebody else has all of the first one's room, and gives it back late.
    const others = [{ memory: 1 }, { memory: 1 }];
    for (const other of others) near.reserved.add(other);
    // The second one runs two actions side by side, and breaks with one of them.
    const held = gate();
    far.behaviours.set('s/a', { holds: held.passed, failure: unreachable('far') });
    const building = rig.build(plan, { executors });
    await expect.poll(() => [...far.running, ...guest.calls].sort(), patient).toContain('s/a');
    await expect.poll(() => [...guest.calls].sort(), patient).toEqual(['t/x', 't/y']);
    await expect.poll(() => [...far.calls].sort(), patient).toEqual(['s/a', 's/b', 's/c', 's/d']);
    expect(near.calls).toEqual([]);
    held.open();
    await expect.poll(() => rig.events.map(({ kind }) => kind), patient).toContain('executor-broke');
    for (const other of others) near.reserved.delete(other);
    near.tellRoom();
    const outcome = good(await building);
    // What broke there, and all that came after it, ran on the other one.
    expect(near.calls).toEqual(['s/a', 's/last']);
    expect(far.calls).toHaveLength(4);
    expect(outcome.ran).toHaveLength(7);
    expect(rig.events).toContainEqual({
      kind: 'executor-broke',
      at: expect.any(Number) as number,
      executor: 'far',
      action: 's/a',
      failure: unreachable('far'),
    });
    for (const executor of executors) expect(executor.reserved.size).toBe(0);
  });

  test('fail with the reason of the last one that could have run an action', async () => {
    const rig = await openRig();
    const { near, far, guest, executors } = three(rig);
    near.refusal = unreachable('near');
    far.behaviours.set('s/a', { failure: unreachable('far') });
    const outcome = await rig.build(samplePlan([sampleAction('s/a'), first]), { executors, keepGoing: true });
    expect(outcome.failures).toEqual([unreachable('far')]);
    expect(outcome.failed).toEqual(['s/a']);
    expect(guest.calls).toEqual(['t/x']);
    expect(near.calls).toEqual([]);
  });

  test('that broke are used again if no other is left, once their check succeeds', async () => {
    const rig = await openRig();
    const { executor } = rig;
    executor.behaviours.set('s/a', { failure: unreachable('scripted') });
    const plan = samplePlan([sampleAction('s/a'), sampleAction('s/b')]);
    const outcome = await rig.build(plan, { keepGoing: true, jobs: 1 });
    expect(outcome.failures).toEqual([unreachable('scripted')]);
    expect(outcome.ran).toEqual(['s/b']);
    expect(executor.checks).toBe(2);
  });

  test('that refuse at the start are passed over, and asked once', async () => {
    const rig = await openRig();
    const { near, far, executors } = three(rig);
    near.refusal = unreachable('near');
    good(await rig.build(samplePlan(native), { executors }));
    expect([near.checks, near.calls.length, far.calls.length]).toEqual([1, 0, 4]);
  });

  test('that crash end the build as bugs', async () => {
    const rig = await openRig();
    rig.executor.check = () => Promise.reject(new Error('a bug'));
    await expect(rig.build(samplePlan(native))).rejects.toThrow('a bug');
  });
});

describe('a machine that no executor has', () => {
  const source = foreign('t/x');
  const plan = samplePlan([sampleAction('s/a'), source, foreign('t/y', { tools: [out(source)] })]);

  test('fails the plan by its name before anything runs', async () => {
    const rig = await openRig();
    const outcome = await rig.build(plan, { keepGoing: true });
    expect(outcome.failures).toEqual([
      { reason: 'no-executor', machine: 'linux/armv5l', actions: ['t/x', 't/y'], executors: ['scripted'] },
    ]);
    expect(rig.executor.calls).toEqual([]);
    expect(rig.executor.checks).toBe(0);
  });

  test('is not needed if everything is built', async () => {
    const rig = await openRig();
    good(await rig.build(plan, { executors: three(rig).executors }));
    expect(good(await rig.build(plan)).cached).toHaveLength(3);
  });
});

describe('what may run', () => {
  const a = sampleAction('s/a');
  const b = sampleAction('s/b', { tools: [out(a)] });
  const plan = samplePlan([a, b]);
  const mayRun = ({ name }: Action) => name !== 's/a';

  test('is asked before anything is done for an action', async () => {
    const rig = await openRig();
    const outcome = await rig.build(plan, { mayRun });
    expect(outcome.failures).toEqual([{ reason: 'not-allowed', kind: 'action', name: 's/a' }]);
    expect(outcome.failed).toEqual(['s/a']);
    expect(rig.executor.calls).toEqual([]);
  });

  test('is all that is needed if the rest is in the store', async () => {
    const rig = await openRig();
    good(await rig.build(samplePlan([a])));
    expect(good(await rig.build(plan, { mayRun })).ran).toEqual(['s/b']);
  });

  test('also counts for missing trees', async () => {
    const rig = await openRig();
    const first = good(await rig.build(samplePlan([a])));
    const tree = first.results.get(a.name)?.outputs['out'];
    if (tree === undefined) throw new Error('no tree');
    await rig.store.removeTree(tree);
    const outcome = await rig.build(plan, { mayRun });
    expect(outcome.failures).toEqual([{ reason: 'not-allowed', kind: 'action', name: 's/a' }]);
  });
});

describe('an executor that knows no processor times', () => {
  test('leaves them out of results, events and what is remembered', async () => {
    const rig = await openRig();
    rig.executor.knowsTimes = false;
    const a = sampleAction('s/a');
    const outcome = good(await rig.build(samplePlan([a])));
    expect(outcome.results.get(a.name)).not.toHaveProperty('cpuSeconds');
    const ends = rig.events.filter(({ kind }) => kind === 'action-finished' || kind === 'build-finished');
    expect(ends).toHaveLength(2);
    for (const end of ends) expect(end).not.toHaveProperty('cpuSeconds');
    expect(good(await rig.build(samplePlan([a]))).cached).toEqual(['s/a']);
  });
});

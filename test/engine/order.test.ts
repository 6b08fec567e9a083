import { rm } from 'node:fs/promises';
import { run } from '../../src/plan/builder.ts';
import { describe, expect, test } from 'vitest';
import { out, sampleAction, samplePlan, sourceRef } from '../plan/sample.ts';
import { good, openRig, patient } from './rig.ts';
import { gate } from './scripted-executor.ts';

const long = sampleAction('s/long', { weight: 50 });
const longer = sampleAction('s/longer', { weight: 10 });
const after = sampleAction('s/after', { weight: 90, tools: [out(longer)] });
const short = sampleAction('s/short', { weight: 1 });
const plan = samplePlan([short, long, longer, after]);

describe('the order of starts', () => {
  test('is longest path first', async () => {
    const rig = await openRig();
    good(await rig.build(plan, { jobs: 1 }));
    expect(rig.executor.calls).toEqual(['s/longer', 's/after', 's/long', 's/short']);
  });

  test('follows times that are remembered', async () => {
    const rig = await openRig();
    good(await rig.build(plan, { jobs: 1 }));
    // Each took two seconds of processor time, whatever it was thought to weigh; results go, times stay.
    await rm(`${rig.store.root}/results`, { recursive: true });
    good(await rig.build(plan, { jobs: 1 }));
    expect(rig.executor.calls).toEqual(['s/longer', 's/short', 's/long', 's/after']);
  });
});

describe('what runs side by side', () => {
  test('is bounded by the executor', async () => {
    const rig = await openRig();
    const held = gate();
    for (const name of ['s/long', 's/longer', 's/short'])
      rig.executor.behaviours.set(name, { holds: held.passed });
    const building = rig.build(plan, { jobs: 2 });
    await expect.poll(() => [...rig.executor.running].sort(), patient).toEqual(['s/long', 's/longer']);
    held.open();
    good(await building);
    expect(rig.executor.most).toBe(2);
  });

  test('is bounded by memory', async () => {
    const rig = await openRig();
    const hungry = ['s/x', 's/y', 's/z'].map((name) => sampleAction(name, { memory: 600 }));
    good(await rig.build(samplePlan(hungry), { jobs: 3, memoryMiB: 1000 }));
    expect(rig.executor.most).toBe(1);
    const again = await openRig();
    const held = gate();
    for (const { name } of hungry) again.executor.behaviours.set(name, { holds: held.passed });
    const building = again.build(samplePlan(hungry), { jobs: 3, memoryMiB: 1200 });
    await expect.poll(() => again.executor.running.size, patient).toBe(2);
    held.open();
    good(await building);
    expect(again.executor.most).toBe(2);
  });

  test('starts once a full executor reports room', async () => {
    const rig = await openRig();
    rig.executor.reserved.add({ memory: 1 });
    rig.executor.reserved.add({ memory: 1 });
    const building = rig.build(samplePlan([long, short]));
    await expect.poll(() => rig.executor.asked, patient).toBeGreaterThan(0);
    expect(rig.executor.calls).toEqual([]);
    rig.executor.reserved.clear();
    rig.executor.tellRoom();
    good(await building);
    expect([...rig.executor.calls].sort()).toEqual(['s/long', 's/short']);
  });
});

describe('sources', () => {
  test('whose dependants have the longest paths are first', async () => {
    const rig = await openRig();
    const light = sampleAction('s/light', { weight: 1, inputs: { '/src': sourceRef('gcc', '14.2.0') } });
    const heavy = sampleAction('s/heavy', { weight: 100, inputs: { '/src': sourceRef('musl') } });
    const middle = sampleAction('s/middle', { weight: 50, inputs: { '/src': sourceRef('linux', '2.0') } });
    good(await rig.build(samplePlan([light, heavy, middle])));
    expect(rig.sources.obtained).toEqual(['musl 1.0', 'linux 2.0', 'gcc 14.2.0']);
  });
});

describe('two actions with one recipe', () => {
  test('run once', async () => {
    const rig = await openRig();
    const commands = [run(['true'])];
    const twins = ['s/one', 's/two'].map((name) => sampleAction(name, { commands }));
    const outcome = good(await rig.build(samplePlan(twins), { jobs: 1 }));
    expect(outcome.ran).toEqual(['s/one']);
    expect(outcome.cached).toEqual(['s/two']);
  });
});

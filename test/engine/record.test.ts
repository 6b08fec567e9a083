import { writeFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import type { Digest } from '../../src/core/digest.ts';
import type { RecordOptions } from '../../src/engine/build.ts';
import { hasRecord, recordPath } from '../../src/engine/record.ts';
import type { Action } from '../../src/plan/action.ts';
import type { ActionName } from '../../src/plan/names.ts';
import { out, product, sampleAction, sampleDigest, samplePlan } from '../plan/sample.ts';
import { good, openRig, type Rig } from './rig.ts';

const a = sampleAction('s/a');
const b = sampleAction('s/b', { tools: [out(a)] });
const plan = samplePlan([a, b], { products: [product(b)], goals: [] });

function record(...again: readonly Action[]): { record: RecordOptions } {
  return {
    record: { recorder: sampleDigest('5'), again: new Set<ActionName>(again.map(({ name }) => name)) },
  };
}

/** The recorders that a rig's executor is given. */
function watched({ executor }: Rig): (Digest | undefined)[] {
  const recorders: (Digest | undefined)[] = [];
  const execute = executor.execute.bind(executor);
  vi.spyOn(executor, 'execute').mockImplementation((request) => {
    recorders.push(request.recorder);
    return execute(request);
  });
  return recorders;
}

/** Leaves a record of an action as the executor would. */
async function leaveRecord(
  rig: Rig,
  action: Action,
  outcome: Awaited<ReturnType<Rig['build']>>,
): Promise<void> {
  const key = outcome.results.get(action.name)?.key;
  if (key === undefined) throw new Error(`no key of ${action.name}`);
  await writeFile(await recordPath(rig.store, key), '');
  expect(await hasRecord(rig.store, key)).toBe(true);
}

describe('recording', () => {
  test('passes the recorder to the executor, and changes no key', async () => {
    const [rig, other] = [await openRig(), await openRig()];
    const [recorded, plain] = [watched(rig), watched(other)];
    const first = good(await rig.build(plan, record()));
    const second = good(await other.build(plan));
    expect(recorded).toEqual([sampleDigest('5'), sampleDigest('5')]);
    expect(plain).toEqual([undefined, undefined]);
    expect([...second.results]).toEqual([...first.results]);
  });

  test('runs nothing that is built, unless that is asked for', async () => {
    const rig = await openRig();
    good(await rig.build(plan));
    expect(good(await rig.build(plan, record())).ran).toEqual([]);
    expect(good(await rig.build(plan, record(a))).ran).toEqual(['s/a']);
    expect(rig.whys()).toEqual({ 's/a': { kind: 'no-record' } });
    expect(good(await rig.build(plan, record(a, b))).ran).toEqual(['s/a', 's/b']);
  });

  test('does not run again what has a record', async () => {
    const rig = await openRig();
    const outcome = good(await rig.build(plan));
    await leaveRecord(rig, a, outcome);
    expect(good(await rig.build(plan, record(a, b))).ran).toEqual(['s/b']);
  });

  test('changes no result, even if the outputs of the action differ', async () => {
    const rig = await openRig();
    const before = good(await rig.build(plan));
    rig.executor.behaviours.set('s/a', { makes: 'something else' });
    const again = good(await rig.build(plan, record(a)));
    expect(again.ran).toEqual(['s/a']);
    expect(again.results.get(a.name)?.outputs).toEqual(before.results.get(a.name)?.outputs);
    expect(good(await rig.build(plan)).ran).toEqual([]);
  });

  test('fails if the action fails, and keeps the result', async () => {
    const rig = await openRig();
    good(await rig.build(plan));
    rig.executor.behaviours.set('s/b', { exitCode: 1 });
    const outcome = await rig.build(plan, record(b));
    expect(outcome.failures).toMatchObject([{ reason: 'action-failed', action: 's/b' }]);
    expect(good(await rig.build(plan)).ran).toEqual([]);
  });
});

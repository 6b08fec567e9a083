import { expect, test } from 'vitest';
import { stageTable } from '../../src/cli/summary.ts';
import type { BuildOutcome, FinishedAction } from '../../src/engine/build.ts';
import type { PlanId } from '../../src/plan/names.ts';
import { key, planId } from '../../src/plan/names.ts';
import { sampleAction, samplePlan } from '../plan/sample.ts';

const id: PlanId = planId('0'.repeat(64));

function finished(cpuSeconds?: number): FinishedAction {
  const times = { wallSeconds: 5, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
  return { planId: id, key: key('1'.repeat(64)), outputs: {}, ...times };
}

test('the table of a build sums up what is known of processor times, and has a dash where nothing is', () => {
  const [known, unknown, cached] = ['host-tools/m4', 'host-tools/make', 'kernel-armv5l/linux'].map((name) =>
    sampleAction(name),
  );
  if (known === undefined || unknown === undefined || cached === undefined) throw new Error('no actions');
  const plan = samplePlan([known, unknown, cached]);
  const outcome = (seconds: number | undefined): BuildOutcome => ({
    ok: true,
    ran: [known.name, unknown.name],
    cached: [cached.name],
    failed: [],
    skipped: [],
    failures: [],
    results: new Map([
      [known.name, finished(seconds)],
      [unknown.name, finished()],
      [cached.name, finished(9)],
    ]),
    sources: new Map(),
  });
  const spans = new Map([['host-tools', { from: 0, to: 5000 }]]);
  const rows = (seconds: number | undefined) =>
    stageTable(plan, outcome(seconds), spans)
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));
  expect(rows(3).slice(1)).toEqual([
    ['host-tools', '5.0 s', '3.0 s', '2 of 2'],
    ['kernel-armv5l', '-', '-', '0 of 1'],
  ]);
  expect(rows(undefined)[1]).toEqual(['host-tools', '5.0 s', '-', '2 of 2']);
});

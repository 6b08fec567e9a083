import { describe, expect, test } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import { dependenciesOf } from '../../src/plan/graph.ts';
import type { ActionName } from '../../src/plan/names.ts';
import { longestPaths, nextAction } from '../../src/engine/schedule.ts';
import { out, sampleAction, samplePlan } from '../plan/sample.ts';

const make = sampleAction('s/make', { weight: 5 });
const gcc = sampleAction('s/gcc', { weight: 100, memory: 3000, tools: [out(make)] });
const musl = sampleAction('s/musl', { weight: 10, tools: [out(gcc)] });
const m4 = sampleAction('s/m4', { weight: 20 });
const kernel = sampleAction('s/kernel', { weight: 60, memory: 2000, tools: [out(m4)] });
const { actions } = samplePlan([m4, kernel, make, gcc, musl]);
const weightOf = (action: Action) => action.weight;

/** Runs a plan in ticks, each action as many as it weighs; says when each starts and when all is done. */
function simulate(jobs: number, memoryMiB: number) {
  const paths = longestPaths(actions, weightOf);
  const starts: Record<string, number> = {};
  const ends = new Map<ActionName, number>();
  const running: Action[] = [];
  for (let tick = 0; tick < 10_000; tick += 1) {
    for (const action of [...running]) {
      if ((ends.get(action.name) ?? 0) <= tick) running.splice(running.indexOf(action), 1);
    }
    const done = (name: ActionName) => (ends.get(name) ?? Infinity) <= tick;
    if (actions.every((action) => done(action.name))) return { starts, ticks: tick };
    while (running.length < jobs) {
      const ready = actions.filter((action) => !ends.has(action.name) && dependenciesOf(action).every(done));
      const next = nextAction(ready, running, memoryMiB, paths);
      if (next === undefined) break;
      starts[next.name] = tick;
      ends.set(next.name, tick + next.weight);
      running.push(next);
    }
  }
  throw new Error('it never ends');
}

describe('longestPaths', () => {
  test('are the seconds to the end of all that waits', () => {
    expect(Object.fromEntries(longestPaths(actions, weightOf))).toEqual({
      's/make': 115,
      's/gcc': 110,
      's/musl': 10,
      's/m4': 80,
      's/kernel': 60,
    });
  });

  test('follow remembered times', () => {
    expect(longestPaths(actions, (action) => (action === kernel ? 500 : 1)).get(m4.name)).toBe(501);
  });
});

describe('the order of actions', () => {
  test('with one job is longest path first', () => {
    const { starts, ticks } = simulate(1, 4096);
    expect(Object.keys(starts)).toEqual(['s/make', 's/gcc', 's/m4', 's/kernel', 's/musl']);
    expect(ticks).toBe(195);
  });

  test('with two jobs fills both', () => {
    expect(simulate(2, 8192)).toEqual({
      starts: { 's/make': 0, 's/m4': 0, 's/gcc': 5, 's/kernel': 20, 's/musl': 105 },
      ticks: 115,
    });
  });

  test('keeps within memory', () => {
    const { starts } = simulate(2, 4096);
    expect(starts['s/gcc']).toBe(5);
    expect(starts['s/kernel']).toBe(105);
  });

  test('lets an action that wants more than there is run alone', () => {
    const { starts } = simulate(2, 1024);
    expect(starts['s/gcc']).toBe(20);
    expect(starts['s/kernel']).toBe(120);
  });
});

describe('nextAction', () => {
  const paths = new Map([make, m4].map((action) => [action.name, 1]));

  test('takes the first of equals', () => {
    expect(nextAction([m4, make], [], 4096, paths)).toBe(m4);
  });

  test('passes over what does not fit', () => {
    expect(nextAction([gcc, make], [kernel], 4096, longestPaths(actions, weightOf))).toBe(make);
    expect(nextAction([gcc], [kernel], 4096, paths)).toBeUndefined();
  });
});

import { describe, expect, test } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import { byLongestPath, longestPaths } from '../../src/engine/schedule.ts';
import { out, sampleAction, samplePlan } from '../plan/sample.ts';

const make = sampleAction('s/make', { weight: 5 });
const gcc = sampleAction('s/gcc', { weight: 100, memory: 3000, tools: [out(make)] });
const musl = sampleAction('s/musl', { weight: 10, tools: [out(gcc)] });
const m4 = sampleAction('s/m4', { weight: 20 });
const kernel = sampleAction('s/kernel', { weight: 60, memory: 2000, tools: [out(m4)] });
const { actions } = samplePlan([m4, kernel, make, gcc, musl]);
const weightOf = (action: Action) => action.weight;

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

describe('byLongestPath', () => {
  const items = [musl, m4, gcc].map((action) => ({ action }));

  test('puts those first that most waits for', () => {
    const order = byLongestPath(items, longestPaths(actions, weightOf));
    expect(order.map(({ action }) => action.name)).toEqual(['s/gcc', 's/m4', 's/musl']);
  });

  test('leaves equals in their order', () => {
    expect(byLongestPath(items, new Map()).map(({ action }) => action)).toEqual([musl, m4, gcc]);
  });
});

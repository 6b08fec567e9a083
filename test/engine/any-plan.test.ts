import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import { run } from '../../src/plan/builder.ts';
import { out, product, sampleAction, samplePlan } from '../plan/sample.ts';
import { good, openRig } from './rig.ts';
import { runs } from '../setup/runs.ts';

/** An action of a random plan: what it reads of those before it, and whether its output ignores what it reads. */
interface Sketch {
  readonly reads: readonly number[];
  readonly constant: boolean;
  /** What happens to it between two builds. */
  readonly loss: 'nothing' | 'tree' | 'result' | 'both' | 'recipe';
}

const sketch: fc.Arbitrary<Sketch> = fc.record({
  reads: fc.uniqueArray(fc.nat(5), { maxLength: 2 }),
  constant: fc.boolean(),
  loss: fc.constantFrom('nothing', 'tree', 'result', 'both', 'recipe'),
});

function actionsOf(sketches: readonly Sketch[], changed: boolean): readonly Action[] {
  const actions: Action[] = [];
  for (const [index, { reads, constant, loss }] of sketches.entries()) {
    const tools = reads.flatMap((read) => actions[read] ?? []).map(out);
    const commands = [run(['echo', changed && loss === 'recipe' ? 'changed' : 'first', `${constant}`])];
    actions.push(sampleAction(`s/a${index}`, { tools, commands, weight: index }));
  }
  return actions;
}

function planOf(actions: readonly Action[]) {
  return samplePlan(actions, { goals: [], products: actions.slice(-2).map((action) => product(action)) });
}

test('after any losses and changes, a build comes to what a fresh one does', async () => {
  const sketches = fc.array(sketch, { minLength: 2, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(sketches, fc.constantFrom(1, 3), async (drawn, jobs) => {
      const [rig, fresh] = [await openRig(), await openRig()];
      for (const [index, { constant }] of drawn.entries()) {
        if (!constant) continue;
        for (const each of [rig, fresh]) each.executor.behaviours.set(`s/a${index}`, { makes: 'constant' });
      }
      const first = good(await rig.build(planOf(actionsOf(drawn, false)), { jobs }));
      for (const [index, { loss }] of drawn.entries()) {
        const result = [...first.results].find(([name]) => name === `s/a${index}`)?.[1];
        if (result === undefined) continue;
        if (loss === 'tree' || loss === 'both') {
          for (const tree of Object.values(result.outputs)) await rig.store.removeTree(tree);
        }
        if (loss === 'result' || loss === 'both')
          await rm(join(rig.store.root, 'results', `${result.key}.json`), { force: true });
      }
      const plan = planOf(actionsOf(drawn, true));
      const again = good(await rig.build(plan, { jobs }));
      const expected = good(await fresh.build(plan, { jobs }));
      expect([...again.results]).toEqual([...expected.results]);
      for (const { ref } of plan.products) {
        const tree = again.results.get(ref.action)?.outputs[ref.output];
        expect(tree !== undefined && (await rig.store.hasTree(tree))).toBe(true);
      }
      expect(good(await rig.build(plan, { jobs })).ran).toEqual([]);
    }),
    { numRuns: runs(10) },
  );
}, 120_000);

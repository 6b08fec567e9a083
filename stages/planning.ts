import type { Failure } from '../src/core/failure.ts';
import { failed, type Result } from '../src/core/result.ts';
import type { LockedSource } from '../src/inputs/lock.ts';
import type { Plan } from '../src/plan/action.ts';
import { assemblePlan } from '../src/plan/assemble.ts';
import { orderByNeeds, type Ordering } from '../src/plan/order.ts';
import { MissingInput, type PlanInputs } from './inputs.ts';
import type { Contribution, GivenSetting, PlanContext, Stage } from './stage.ts';

/** Stages after those that they take something from, otherwise in the order given. */
export function orderStages(stages: readonly Stage[]): Ordering<Stage> {
  const present = new Set(stages);
  return orderByNeeds(stages, ({ needs, ifWanted }) => [
    ...needs,
    ...ifWanted.filter((stage) => present.has(stage)),
  ]);
}

/** Cycles of an ordering, as sentences. */
export function cycleFaults({ cycles }: Ordering<Stage>): readonly string[] {
  return cycles.map((cycle) => `stages need each other: ${cycle.map(({ name }) => name).join(' -> ')}`);
}

/**
 * The plan of some stages: their products and tests, with what these need of all stages. Fails with `bad-input` when
 * the lock or this repository lacks something, with `plan-fault` when stages need each other or their actions are faulty.
 */
export function planStages(
  inputs: PlanInputs,
  wanted: readonly Stage[],
  settings: readonly GivenSetting[] = [],
): Result<Plan, Failure> {
  const ordering = orderStages(wanted);
  const faults = cycleFaults(ordering);
  if (faults.length > 0) return failed({ reason: 'plan-fault', faults });
  const made = new Map<Stage, Contribution>();
  const context: PlanContext = {
    inputs,
    settings,
    made: <T extends Contribution>(stage: Stage<T>): T => {
      // The order makes what a stage needs before it. Under a stage lies what its own `make` returned.
      const known = made.get(stage);
      if (known === undefined) throw new Error(`stage ${stage.name} is asked for before it was made`);
      return known as T;
    },
    isWanted: (stage) => wanted.includes(stage),
  };
  try {
    for (const stage of ordering.items) made.set(stage, stage.make(context));
  } catch (error) {
    if (!(error instanceof MissingInput)) throw error;
    return failed({ reason: 'bad-input', file: error.file, faults: [{ field: '', message: error.fault }] });
  }
  const asked = ordering.items
    .filter((stage) => wanted.includes(stage))
    .flatMap((stage) => made.get(stage) ?? []);
  return assemblePlan({
    actions: [...made.values()].flatMap(({ actions }) => actions),
    products: asked.flatMap(({ products = [] }) => products),
    goals: asked.flatMap(({ tests = [] }) => tests),
    lock: { sources: sourcesOf(inputs, [...made.values()]) },
    files: inputs.files,
  });
}

/** The chosen versions, and those that stages name beside them. */
function sourcesOf({ lock }: PlanInputs, contributions: readonly Contribution[]): readonly LockedSource[] {
  return [...new Set([...lock.sources, ...contributions.flatMap(({ sources = [] }) => sources)])];
}

import { unknownName } from '../src/core/nearest.ts';
import type { Failure } from '../src/core/failure.ts';
import { failed, ok, type Result } from '../src/core/result.ts';
import type { Plan } from '../src/plan/action.ts';
import type { PlanInputs } from './inputs.ts';
import { cycleFaults, orderStages, planStages } from './planning.ts';
import type { GivenSetting, Goal, Stage } from './stage.ts';

/** Every stage there is, with what follows from the list. Plain data but for the stages' functions. */
export interface Registry {
  /** Each after those that it takes something from, otherwise in the order of the list. */
  readonly stages: readonly Stage[];
  /** In the order in which stages mention them. */
  readonly goals: readonly Goal[];
  /** What is wrong with the list, as sentences; empty when it is sound. */
  readonly faults: readonly string[];
}

/** What a plan is asked for. */
export interface Wanted {
  readonly goal: Goal;
  /** Stages that are wanted beside those that serve the goal. */
  readonly also?: readonly Stage[];
  readonly settings?: readonly GivenSetting[];
}

export function registerStages(listed: readonly Stage[]): Registry {
  const ordering = orderStages(listed);
  const goals = [...new Set(ordering.items.flatMap((stage) => stage.goals))];
  const missing = listed.flatMap((stage) =>
    [...stage.needs, ...stage.ifWanted]
      .filter((needed) => !listed.includes(needed))
      .map(
        (needed) =>
          `stage ${stage.name} takes something from ${needed.name}, which is not in the list of stages`,
      ),
  );
  return {
    stages: ordering.items.filter((stage) => listed.includes(stage)),
    goals,
    faults: [
      ...repeatedNames(listed).map((name) => `two stages are called ${name}`),
      ...repeatedNames(goals).map((name) => `two goals are called ${name}`),
      ...missing,
      ...cycleFaults(ordering),
    ],
  };
}

function repeatedNames(named: readonly { readonly name: string }[]): readonly string[] {
  const names = named.map(({ name }) => name);
  return names.filter((name, index) => names.indexOf(name) !== index);
}

/** The plan of all stages that serve a goal. Fails as `planStages` does, and when the list of stages is faulty. */
export function planGoal(registry: Registry, inputs: PlanInputs, wanted: Wanted): Result<Plan, Failure> {
  if (registry.faults.length > 0) return failed({ reason: 'plan-fault', faults: registry.faults });
  const { goal, also = [], settings = [] } = wanted;
  const serving = registry.stages.filter((stage) => stage.goals.includes(goal));
  return planStages(inputs, [...new Set([...serving, ...also])], settings);
}

/** The goal of this name. Fails with `unknown-name`. */
export function findGoal({ goals }: Registry, name: string): Result<Goal, Failure> {
  const found = goals.find((goal) => goal.name === name);
  return found === undefined
    ? failed(
        unknownName(
          'goal',
          name,
          goals.map((goal) => goal.name),
        ),
      )
    : ok(found);
}

import type { Plan, Product } from './action.ts';
import { neededActions } from './assemble.ts';
import { sourceId, sourceIdsOf } from './graph.ts';
import type { ActionName } from './names.ts';

/** The part of a plan that some of its actions and products need. */
export function narrowPlan(plan: Plan, goals: readonly ActionName[], products: readonly Product[]): Plan {
  const actions = neededActions(plan.actions, products, goals);
  const used = sourceIdsOf(actions);
  return {
    actions,
    sources: plan.sources.filter((source) => used.has(sourceId(source))),
    products,
    goals,
  };
}

import { nearest } from '../src/core/nearest.ts';
import type { Failure } from '../src/core/failure.ts';
import { failed, ok, type Result } from '../src/core/result.ts';
import type { Plan } from '../src/plan/action.ts';
import { neededActions } from '../src/plan/assemble.ts';
import { stageIdOf } from '../src/plan/graph.ts';
import { narrowPlan } from '../src/plan/narrow.ts';
import type { ActionName } from '../src/plan/names.ts';
import type { Registry } from './registry.ts';
import type { Stage } from './stage.ts';

/** Which part of a plan is wanted: all stages up to one, or one with what it needs. The text is a stage's name or id. */
export type Selection =
  { readonly kind: 'until'; readonly stage: string } | { readonly kind: 'only'; readonly stage: string };

/**
 * The part of a plan that a selection asks for: all actions of the selected stages become goals; products stay that
 * hold something of these stages, and nothing of stages beyond what they need. Fails with `unknown-name` when no
 * stage of the plan has that name or id.
 */
export function selectStages(registry: Registry, plan: Plan, selection: Selection): Result<Plan, Failure> {
  const ids = stageIdsOf(registry, plan);
  const asked = ids.filter((id) => id === selection.stage || stageOf(registry, id)?.name === selection.stage);
  const last = asked.at(-1);
  if (last === undefined) {
    const { stage: name } = selection;
    // Packing can be asked for by its id, and is no stage that a user would look for.
    const known = [
      ...new Set(
        ids.flatMap((id) => {
          const stage = stageOf(registry, id);
          return stage === undefined ? [] : [stage.name, id];
        }),
      ),
    ];
    return failed({ reason: 'unknown-name', kind: 'stage', name, nearest: nearest(name, known), known });
  }
  const chosen = new Set(selection.kind === 'only' ? asked : ids.slice(0, ids.indexOf(last) + 1));
  const isChosen = (name: ActionName) => chosen.has(stageIdOf(name));
  const goals = plan.actions.map((action) => action.name).filter(isChosen);
  const wanted = new Set(neededActions(plan.actions, [], goals));
  // Packing is no stage of its own, and the tools that it takes say nothing of what is packed.
  const holds = (id: string) => stageOf(registry, id)?.tools === false;
  const products = plan.products.filter((product) => {
    const needed = neededActions(plan.actions, [product], []);
    const inStages = needed.filter(({ name }) => holds(stageIdOf(name)) || isChosen(name));
    const within = inStages.every((action) => wanted.has(action));
    return within && inStages.some((action) => isChosen(action.name));
  });
  return ok(narrowPlan(plan, goals, products));
}

/** Stage ids of a plan: in the order of the stages, those of one stage in the order of the plan, what no stage made last. */
export function stageIdsOf(registry: Registry, plan: Plan): readonly string[] {
  const ids = [...new Set(plan.actions.map((action) => stageIdOf(action.name)))];
  const ofStages = registry.stages.flatMap((stage) => ids.filter((id) => stageOf(registry, id) === stage));
  return [...ofStages, ...ids.filter((id) => stageOf(registry, id) === undefined)];
}

/** The stage that an id belongs to: the one with the longest name that it begins with. Undefined for packing. */
function stageOf({ stages }: Registry, id: string): Stage | undefined {
  return stages
    .filter(({ name }) => id === name || id.startsWith(`${name}-`))
    .reduce<Stage | undefined>(
      (longest, stage) => (stage.name.length > (longest?.name.length ?? 0) ? stage : longest),
      undefined,
    );
}

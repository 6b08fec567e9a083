import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Plan } from './action.ts';
import { neededActions } from './assemble.ts';
import { sourceId, sourceIdsOf, stageIdOf } from './graph.ts';
import type { ActionName } from './names.ts';

/** The stages in the order of the story; the id of each begins with its name: `stage-1-armv5l`. */
export const stageNames = [
  'host-tools',
  'stage-1',
  'cross-compiler',
  'native-compiler',
  'kernel',
  'root-filesystem',
  'system-image',
] as const;

/** Which part of a plan is wanted: all stages up to one, or one with what it needs. The text is a stage's name or id. */
export type Selection =
  { readonly kind: 'until'; readonly stage: string } | { readonly kind: 'only'; readonly stage: string };

/**
 * The part of a plan that a selection asks for: all actions of the selected stages become goals; products stay that
 * hold something of these stages, and nothing of stages beyond what they need. Fails with `unknown-name` when no
 * stage of the plan has that name or id.
 */
export function narrowPlan(plan: Plan, selection: Selection): Result<Plan, Failure> {
  const ids = stageIdsOf(plan);
  const asked = ids.filter((id) => id === selection.stage || stageNameOf(id) === selection.stage);
  const last = asked.at(-1);
  if (last === undefined) {
    const known = [...new Set(ids.filter(isListed).flatMap((id) => [stageNameOf(id), id]))];
    return failed({ reason: 'unknown-name', kind: 'stage', name: selection.stage, nearest: [], known });
  }
  const chosen = new Set(selection.kind === 'only' ? asked : ids.slice(0, ids.indexOf(last) + 1));
  const isChosen = (name: ActionName) => chosen.has(stageIdOf(name));
  const goals = plan.actions.map((action) => action.name).filter(isChosen);
  const wanted = new Set(neededActions(plan.actions, [], goals));
  // Packing is no stage of its own, and the tools that it takes say nothing of what is packed.
  const holds = (id: string) => isListed(id) && stageNameOf(id) !== 'host-tools';
  const products = plan.products.filter((product) => {
    const needed = neededActions(plan.actions, [product], []);
    const inStages = needed.filter(({ name }) => holds(stageIdOf(name)) || isChosen(name));
    const within = inStages.every((action) => wanted.has(action));
    return within && inStages.some((action) => isChosen(action.name));
  });
  const actions = neededActions(plan.actions, products, goals);
  const used = sourceIdsOf(actions);
  return ok({
    actions,
    sources: plan.sources.filter((source) => used.has(sourceId(source))),
    products,
    goals,
  });
}

/** Stage ids of a plan: in the order of `stageNames`, those of one name in the order of the plan, unlisted ones last. */
export function stageIdsOf(plan: Plan): readonly string[] {
  const ids = [...new Set(plan.actions.map((action) => stageIdOf(action.name)))];
  const rank = (id: string): number => {
    const index = stageNames.findIndex((name) => name === stageNameOf(id));
    return index < 0 ? stageNames.length : index;
  };
  return ids
    .map((id, index) => ({ id, index }))
    .sort((a, b) => rank(a.id) - rank(b.id) || a.index - b.index)
    .map(({ id }) => id);
}

function isListed(id: string): boolean {
  return (stageNames as readonly string[]).includes(stageNameOf(id));
}

/** Name of the stage that an id belongs to; the id itself where no listed stage fits. */
export function stageNameOf(id: string): string {
  return stageNames.find((name) => id === name || id.startsWith(`${name}-`)) ?? id;
}

import type { Plan, PlannedSource, Recipe, Ref } from './action.ts';
import type { BoundRecipe, Content } from './bound.ts';
import { sourceId } from './graph.ts';
import { planIdOf, pseudoDigest } from './key.ts';
import type { ActionName, PlanId } from './names.ts';
import { unreachable } from '../core/result.ts';

/** Replaces refs with contents. */
export function bindRecipe(recipe: Recipe, resolve: (ref: Ref) => Content): BoundRecipe {
  return {
    commands: recipe.commands,
    env: recipe.env,
    tools: recipe.tools.map(resolve),
    inputs: recipe.inputs.map((input) => ({
      path: input.path,
      contents: input.refs.map(resolve),
      ...(input.below === undefined ? {} : { below: input.below.map(resolve) }),
      writable: input.writable ?? false,
    })),
    outputs: recipe.outputs,
    platform: recipe.platform,
    ...(recipe.compileServer === undefined ? {} : { compileServer: resolve(recipe.compileServer) }),
  };
}

/**
 * Plan ids of all actions: known without building, independent of the build machine's compiler and of the order of
 * declaration. Throws on a plan that `assemblePlan` did not make.
 */
export function planIds(plan: Plan): ReadonlyMap<ActionName, PlanId> {
  const sources = new Map(plan.sources.map((source) => [sourceId(source), source]));
  const ids = new Map<ActionName, PlanId>();
  for (const action of plan.actions) {
    ids.set(action.name, planIdOf(bindRecipe(action.recipe, (ref) => pseudoContent(ref, sources, ids))));
  }
  return ids;
}

function pseudoContent(
  ref: Ref,
  sources: ReadonlyMap<string, PlannedSource>,
  ids: ReadonlyMap<ActionName, PlanId>,
): Content {
  switch (ref.kind) {
    case 'source': {
      const source = sources.get(sourceId(ref));
      if (source === undefined) throw new Error(`the plan lists no source ${sourceId(ref)}`);
      const patches = source.patches.map((patch) => patch.digest);
      return { kind: 'tree', digest: pseudoDigest('source', { tree: source.tree, patches }) };
    }
    case 'output': {
      const id = ids.get(ref.action);
      if (id === undefined) throw new Error(`the plan lists ${ref.action} too late or not at all`);
      return { kind: 'tree', digest: pseudoDigest('output', { planId: id, output: ref.output }) };
    }
    case 'compiler':
    case 'machine-utilities':
      return { kind: 'tree', digest: pseudoDigest('machine', ref.kind) };
    case 'file':
      return { kind: 'file', digest: ref.digest, executable: ref.executable };
    case 'directory':
      return { kind: 'tree', digest: ref.digest };
    default:
      return unreachable(ref);
  }
}

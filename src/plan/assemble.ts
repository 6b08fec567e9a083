import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Action, Plan, PlannedSource, Product, Ref } from './action.ts';
import { checkAction, outputFault, type PinnedSources, type RepoFiles } from './check.ts';
import { orderActions, sourceId, sourceIdsOf } from './graph.ts';
import { canonicalText, type Encodable } from './key.ts';
import type { ActionName } from './names.ts';

export interface PlanParts {
  /** What the stages declared. An action may appear twice if two callers ask a stage for the same thing. */
  readonly actions: readonly Action[];
  readonly products: readonly Product[];
  /** Actions wanted for their own sake. */
  readonly goals: readonly ActionName[];
  readonly lock: PinnedSources;
  readonly files: RepoFiles;
}

/**
 * Makes a plan from what stages declared: keeps what products and goals need, sorts it, and checks it.
 * Fails with `plan-fault` and all faults, including those of actions that nothing needs.
 */
export function assemblePlan(parts: PlanParts): Result<Plan, Failure> {
  const faults: string[] = [];
  const actions = withFurtherProcessors(mergeActions(parts.actions, faults));
  const context = { actions, lock: parts.lock, files: parts.files };
  for (const action of actions.values()) faults.push(...checkAction(action, context));
  faults.push(...checkWanted(parts, actions));
  const everything = orderActions(actions, [...actions.keys()]);
  for (const cycle of everything.cycles) {
    faults.push(`actions need each other: ${cycle.map(({ name }) => name).join(' -> ')}`);
  }
  if (faults.length > 0) return failed({ reason: 'plan-fault', faults });

  const needed = neededActions([...actions.values()], parts.products, parts.goals);
  return ok({
    actions: needed,
    sources: plannedSources(needed, parts.lock, parts.files),
    products: parts.products,
    goals: [...new Set(parts.goals)],
  });
}

/** What products and goals need, in order of declaration as far as dependencies allow. */
export function neededActions(
  actions: readonly Action[],
  products: readonly Product[],
  goals: readonly ActionName[],
): readonly Action[] {
  const byName = new Map(actions.map((action) => [action.name, action]));
  const wanted = new Set([...products.map((product) => product.ref.action), ...goals]);
  const needed = new Set(orderActions(byName, [...wanted]).items);
  const roots = actions.filter((action) => needed.has(action)).map((action) => action.name);
  return orderActions(byName, roots).items;
}

/** Actions by name. Identical duplicates count once; two different actions with one name are a fault. */
function mergeActions(declared: readonly Action[], faults: string[]): ReadonlyMap<ActionName, Action> {
  const actions = new Map<ActionName, Action>();
  for (const action of declared) {
    const other = actions.get(action.name);
    if (other === undefined) actions.set(action.name, action);
    else if (other !== action && canonicalText(fieldsOf(other)) !== canonicalText(fieldsOf(action))) {
      faults.push(`two different actions are named ${action.name}`);
    }
  }
  return actions;
}

/** The actions with, in their platforms, the processors whose programs are among their tools. */
function withFurtherProcessors(actions: ReadonlyMap<ActionName, Action>): ReadonlyMap<ActionName, Action> {
  const processorOf = (ref: Ref) =>
    ref.kind === 'output' ? (actions.get(ref.action)?.programsFor ?? []) : [];
  return new Map(
    [...actions].map(([name, action]) => {
      const { platform, tools } = action.recipe;
      const processors = new Set([...(platform.alsoRuns ?? []), ...tools.flatMap(processorOf)]);
      processors.delete(platform.cpu);
      if (processors.size === 0) return [name, action];
      const alsoRuns = [...processors].sort();
      return [name, { ...action, recipe: { ...action.recipe, platform: { ...platform, alsoRuns } } }];
    }),
  );
}

/** Actions are plain data; weights may be fractions, which the canonical text refuses. */
function fieldsOf(action: Action): Encodable {
  const { recipe } = action;
  return {
    description: action.description,
    commands: recipe.commands.map((command): Encodable => ({ ...command })),
    env: recipe.env,
    tools: recipe.tools.map(refFields),
    inputs: recipe.inputs.map((input) => ({
      path: input.path,
      refs: input.refs.map(refFields),
      below: input.below?.map(refFields),
      writable: input.writable ?? false,
    })),
    outputs: recipe.outputs,
    platform: { ...recipe.platform },
    compileServer: recipe.compileServer === undefined ? undefined : refFields(recipe.compileServer),
    weight: String(action.weight),
    memory: String(action.memory),
    processors: action.processors === undefined ? undefined : String(action.processors),
    scratch: action.scratch,
    provides: action.provides,
    programsFor: action.programsFor,
  };
}

function refFields(ref: Ref): Encodable {
  return { ...ref };
}

function checkWanted(parts: PlanParts, actions: ReadonlyMap<ActionName, Action>): string[] {
  const faults: string[] = [];
  const names = new Set<string>();
  for (const product of parts.products) {
    const fault = outputFault(product.ref, actions);
    if (fault !== undefined) faults.push(`product ${product.name}: ${fault}`);
    if (names.has(product.name)) faults.push(`two products are named ${product.name}`);
    names.add(product.name);
  }
  for (const goal of parts.goals) if (!actions.has(goal)) faults.push(`goal: there is no action ${goal}`);
  return faults;
}

/** Sources that the actions read, by name and version, each with its patches. */
function plannedSources(
  actions: readonly Action[],
  lock: PinnedSources,
  files: RepoFiles,
): readonly PlannedSource[] {
  const used = sourceIdsOf(actions);
  return lock.sources
    .filter((source) => used.has(sourceId(source)))
    .map(({ name, version, tree }) => ({ name, version, tree, patches: patchesOf({ name, version }, files) }))
    .sort((a, b) => (sourceId(a) < sourceId(b) ? -1 : 1));
}

/** Patches of a version of a source: the files in `patches/<name>/<version>/`, in order of name. */
export function patchesOf(
  { name, version }: Pick<PlannedSource, 'name' | 'version'>,
  files: RepoFiles,
): PlannedSource['patches'] {
  const directory = `patches/${name}/${version}/`;
  return [...files]
    .filter(([path]) => path.startsWith(directory) && path.endsWith('.patch'))
    .filter(([path]) => !path.slice(directory.length).includes('/'))
    .map(([path, { digest }]) => ({ path, digest }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

import { unreachable } from '../core/result.ts';
import type { Action, Input, Recipe, Ref } from './action.ts';
import type { ActionName } from './names.ts';
import { orderByNeeds, type Ordering } from './order.ts';

/** All refs of a recipe in the order in which they are written: tools, then inputs. Duplicates are kept. */
export function refsOf({ tools, inputs, compileServer }: Recipe): readonly Ref[] {
  return [...tools, ...inputs.flatMap(refsOfInput), ...(compileServer === undefined ? [] : [compileServer])];
}

/** The refs of an input, those of the trees below last. */
export function refsOfInput({ refs, below = [] }: Input): readonly Ref[] {
  return [...refs, ...below];
}

/** Names of the actions whose outputs an action reads, each once, in the order in which they are written. */
export function dependenciesOf(action: Action): readonly ActionName[] {
  const names = new Set<ActionName>();
  for (const ref of refsOf(action.recipe)) if (ref.kind === 'output') names.add(ref.action);
  return [...names];
}

/** Name and version of a source as one string: its identity in a plan. */
export function sourceId(source: { readonly name: string; readonly version: string }): string {
  return `${source.name} ${source.version}`;
}

/** Sources that actions read, as `sourceId`s. */
export function sourceIdsOf(actions: readonly Action[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const action of actions) {
    for (const ref of refsOf(action.recipe)) if (ref.kind === 'source') ids.add(sourceId(ref));
  }
  return ids;
}

/** A ref in a few words, for messages and as its identity within one action: without versions and digests. */
export function refLabel(ref: Ref): string {
  switch (ref.kind) {
    case 'source':
      return `source ${ref.name}`;
    case 'output':
      return `${ref.action}:${ref.output}`;
    case 'compiler':
      return "the machine's compiler";
    case 'machine-utilities':
      return "the machine's utilities";
    case 'file':
      return ref.path;
    case 'directory':
      return `the ${ref.name}`;
    default:
      return unreachable(ref);
  }
}

/**
 * What `roots` need, depth first: roots in the given order, the inputs of an action in the order in which they are written.
 * Names that belong to no action are ignored.
 */
export function orderActions(
  actions: ReadonlyMap<ActionName, Action>,
  roots: readonly ActionName[],
): Ordering<Action> {
  const named = (names: readonly ActionName[]) => names.flatMap((name) => actions.get(name) ?? []);
  return orderByNeeds(named(roots), (action) => named(dependenciesOf(action)));
}

/** Stage id of an action: the part of its name before the slash, for example `stage-1-armv5l`. */
export function stageIdOf(name: ActionName): string {
  return name.slice(0, name.indexOf('/'));
}

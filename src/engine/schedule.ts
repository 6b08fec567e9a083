import type { Action } from '../plan/action.ts';
import { dependenciesOf } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';

/**
 * Seconds from the start of each action to the end of the last one that depends on it, if nothing else delayed it;
 * actions with longer paths should start sooner. `actions` are in the order of a plan.
 */
export function longestPaths(
  actions: readonly Action[],
  secondsOf: (action: Action) => number,
): ReadonlyMap<ActionName, number> {
  const after = new Map<ActionName, number>();
  const paths = new Map<ActionName, number>();
  for (const action of [...actions].reverse()) {
    const path = secondsOf(action) + (after.get(action.name) ?? 0);
    paths.set(action.name, path);
    for (const name of dependenciesOf(action)) after.set(name, Math.max(after.get(name) ?? 0, path));
  }
  return paths;
}

/** Actions in the order in which they ask for room: longest path first, ties in the given order. */
export function byLongestPath<Item extends { readonly action: { readonly name: ActionName } }>(
  ready: readonly Item[],
  paths: ReadonlyMap<ActionName, number>,
): readonly Item[] {
  const pathOf = ({ action }: Item) => paths.get(action.name) ?? 0;
  return [...ready].sort((a, b) => pathOf(b) - pathOf(a));
}

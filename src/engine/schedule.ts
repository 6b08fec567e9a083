import type { Action } from '../plan/action.ts';
import { dependenciesOf } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';

/**
 * Seconds from the start of each action to the end of the last one that waits for it, if nothing else held it up: the
 * longer, the sooner it ought to start. `actions` are in the order of a plan.
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

/** What the next action is chosen by. */
export interface Candidate {
  readonly name: ActionName;
  /** Peak memory in MiB. */
  readonly memory: number;
}

/**
 * The ready action to start next: of those whose memory is free, the one with the longest path; at equal length the
 * first. An action that wants more than there is at all runs alone. Undefined: none fits now.
 */
export function nextAction<Item extends Candidate>(
  ready: readonly Item[],
  running: readonly Candidate[],
  memoryMiB: number,
  paths: ReadonlyMap<ActionName, number>,
): Item | undefined {
  const free = memoryMiB - running.reduce((sum, action) => sum + action.memory, 0);
  let best: Item | undefined;
  for (const action of ready) {
    if (action.memory > free && running.length > 0) continue;
    if (best === undefined || pathOf(action) > pathOf(best)) best = action;
  }
  return best;

  function pathOf(action: Item): number {
    return paths.get(action.name) ?? 0;
  }
}

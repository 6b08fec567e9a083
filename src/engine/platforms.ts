import type { Failure } from '../core/failure.ts';
import type { Action, Platform } from '../plan/action.ts';
import type { ExecutorPool } from './executor-pool.ts';
import type { Node } from './nodes.ts';

/** A failure for each platform that some action needs and no executor supports. */
export function findUnsupported(
  nodes: Iterable<Node>,
  executors: Pick<ExecutorPool, 'supports' | 'names'>,
  mayRun: (action: Action) => boolean = () => true,
): readonly Failure[] {
  const actions = new Map<string, string[]>();
  for (const { action, state } of nodes) {
    const { platform } = action.recipe;
    if (state === 'known' || !mayRun(action) || executors.supports(platform)) continue;
    const machine = platformText(platform);
    actions.set(machine, [...(actions.get(machine) ?? []), action.name]);
  }
  return [...actions].map(([machine, names]) => ({
    reason: 'no-executor',
    machine,
    actions: names,
    executors: executors.names,
  }));
}

/** A platform in words. */
export function platformText({ os, cpu, alsoRuns = [], superuser = false }: Platform): string {
  const machine = [`${os}/${cpu}`, ...alsoRuns].join(' with programs of ');
  return superuser ? `${machine} and a root that may make devices` : machine;
}

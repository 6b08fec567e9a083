import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { refsOf } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';
import type { BuildOutcome, FinishedAction, SkippedAction } from './build-types.ts';
import { externalInputId, sourcesIn, type ExternalInput } from './external-inputs.ts';
import type { Node } from './nodes.ts';

/** The outcome of a finished run. `nodes` are in order of the plan. */
export function outcomeOf(
  nodes: readonly Node[],
  inputs: ReadonlyMap<string, ExternalInput>,
  ran: readonly ActionName[],
  failures: readonly Failure[],
): BuildOutcome {
  const cached = nodes.filter((node) => node.state === 'known' && !node.ran);
  return {
    ok: failures.length === 0,
    ran,
    cached: cached.map((node) => node.action.name),
    failed: nodes.filter((node) => node.state === 'failed').map((node) => node.action.name),
    skipped: skippedIn(nodes, inputs),
    failures,
    results: new Map(nodes.flatMap(finishedAction)),
    sources: new Map([...inputs.values()].flatMap(knownSource)),
  };
}

/** Actions that could not run because of what failed. */
function skippedIn(
  nodes: readonly Node[],
  inputs: ReadonlyMap<string, ExternalInput>,
): readonly SkippedAction[] {
  const causes = new Map<Node, ReadonlySet<string>>();
  const skipped: SkippedAction[] = [];
  for (const node of nodes) {
    if (node.state === 'known' || node.state === 'failed') continue;
    const because = new Set<string>();
    for (const dependency of node.dependencies) {
      if (dependency.state === 'failed') because.add(dependency.action.name);
      for (const cause of causes.get(dependency) ?? []) because.add(cause);
    }
    for (const ref of refsOf(node.action.recipe)) {
      const input = inputs.get(externalInputId(ref) ?? '');
      if (input?.state === 'failed') because.add(input.id);
    }
    causes.set(node, because);
    if (because.size > 0) skipped.push({ action: node.action.name, because: [...because] });
  }
  return skipped;
}

/** CPU seconds of what ran in this run, as far as they are known; undefined if none are. */
export function cpuSecondsOf(nodes: readonly Node[]): number | undefined {
  const known = nodes.flatMap((node) => (node.ran ? [node.result?.cpuSeconds] : []));
  if (known.length > 0 && known.every((seconds) => seconds === undefined)) return undefined;
  return known.reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0);
}

/** Names what is still running while nothing more is started; undefined if there is nothing to report. */
export function waitingEvent(
  running: Iterable<Node>,
  obtaining: Iterable<ExternalInput>,
): Omit<Extract<BuildEvent, { kind: 'waiting' }>, 'at'> | undefined {
  const actions = [...running].map((node) => node.action.name);
  const sources = sourcesIn(obtaining);
  return actions.length + sources.length === 0 ? undefined : { kind: 'waiting', actions, sources };
}

function finishedAction(node: Node): readonly (readonly [ActionName, FinishedAction])[] {
  const { action, planId, key, result, state } = node;
  if (state !== 'known' || key === undefined || result === undefined) return [];
  const { outputs, wallSeconds, cpuSeconds } = result;
  const times = { wallSeconds, ...(cpuSeconds === undefined ? {} : { cpuSeconds }) };
  return [[action.name, { planId, key, outputs, ...times }]];
}

function knownSource({ id, source, digest }: ExternalInput) {
  return source === undefined || digest === undefined ? [] : [[id, digest] as const];
}

/** The failure of a run that was ended by `signal`, whose reason is the name of the operating system's signal. */
export function interruption({ reason }: AbortSignal): Failure {
  return { reason: 'interrupted', signal: typeof reason === 'string' ? reason : 'SIGINT' };
}

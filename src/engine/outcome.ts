import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { ActionName } from '../plan/names.ts';
import type { BuildOutcome, FinishedAction } from './build.ts';
import type { Node } from './nodes.ts';
import { sourcesIn, type Supply } from './supplies.ts';

/** What a run that ended has come to. */
export function outcomeOf(
  nodes: readonly Node[],
  supplies: readonly Supply[],
  ran: readonly ActionName[],
  failures: readonly Failure[],
): BuildOutcome {
  const cached = nodes.filter((node) => node.state === 'known' && !node.ran);
  return {
    ok: failures.length === 0,
    ran,
    cached: cached.map((node) => node.action.name),
    failures,
    results: new Map(nodes.flatMap(finishedAction)),
    sources: new Map(supplies.flatMap(knownSource)),
  };
}

/** CPU seconds of what ran in this run. */
export function cpuSecondsOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => sum + (node.ran ? (node.result?.cpuSeconds ?? 0) : 0), 0);
}

/** Names what still runs where nothing more starts; undefined when there is nothing worth a word. */
export function waitingEvent(
  running: Iterable<Node>,
  obtaining: Iterable<Supply>,
  at: number,
): BuildEvent | undefined {
  const actions = [...running].map((node) => node.action.name);
  const sources = sourcesIn(obtaining);
  return actions.length + sources.length === 0 ? undefined : { kind: 'waiting', at, actions, sources };
}

function finishedAction(node: Node): readonly (readonly [ActionName, FinishedAction])[] {
  const { action, planId, key, result, state } = node;
  if (state !== 'known' || key === undefined || result === undefined) return [];
  const { outputs, wallSeconds, cpuSeconds } = result;
  return [[action.name, { planId, key, outputs, wallSeconds, cpuSeconds }]];
}

function knownSource({ id, source, digest }: Supply) {
  return source === undefined || digest === undefined ? [] : [[id, digest] as const];
}

/** What is said of a run that `signal` ended: its reason is the name of the operating system's signal. */
export function interruption({ reason }: AbortSignal): Failure {
  return { reason: 'interrupted', signal: typeof reason === 'string' ? reason : 'SIGINT' };
}

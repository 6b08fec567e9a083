import type { Digest } from '../core/digest.ts';
import type { Why } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { ProcessLock } from '../core/process-lock.ts';
import type { Executor } from '../executor/executor.ts';
import type { Action, Plan } from '../plan/action.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import { planIds } from '../plan/bind.ts';
import { dependenciesOf } from '../plan/graph.ts';
import type { ActionName, Key, PlanId } from '../plan/names.ts';
import type { ActionResult, ContentStore } from '../store/store.ts';

/**
 * State of an action in a run.
 *
 * - `waiting`: its key is not known yet, because content that it reads is not
 * - `known`: its result is known, from the store or from this run
 * - `must-run`: its key is known, but there is no result, or a tree of the result is missing and wanted
 * - `running`
 * - `fetching`: its result is known, and a tree of it is being brought from a cache
 * - `awaited`: another run on this store is making its result
 * - `failed`
 */
export type NodeState = 'waiting' | 'known' | 'must-run' | 'running' | 'fetching' | 'awaited' | 'failed';

/** The lock that lets only one run at a time make the result of a key. */
export interface HeldKey {
  readonly key: Key;
  readonly lock: ProcessLock;
}

/** An action in a run. Changed only by the build loop, between its waits. */
export interface Node {
  readonly action: Action;
  readonly planId: PlanId;
  /** Actions whose outputs it reads, and those that read its outputs. */
  readonly dependencies: readonly Node[];
  readonly dependants: Node[];
  state: NodeState;
  /** Undefined only until it is known for the first time. */
  key: Key | undefined;
  bound: BoundRecipe | undefined;
  /** Latest known result; while the action runs again because a tree is missing, still the earlier one. */
  result: ActionResult | undefined;
  /** Why it must run. */
  why: Why | undefined;
  /** Content that it reads changed while it ran, so its result belongs to the old key. */
  stale: boolean;
  /** Whether it finished in this run. */
  ran: boolean;
  /** Held from the end of waiting for another run until this action has run. */
  held: HeldKey | undefined;
  /** While it is being fetched: the tree. */
  fetched: Digest | undefined;
  /** Executors that broke while they ran it, and the failure of the last one. */
  readonly brokenOn: Set<Executor>;
  broken: Failure | undefined;
}

/** The nodes of a plan, in its order. */
export function makeNodes(plan: Plan): ReadonlyMap<ActionName, Node> {
  const ids = planIds(plan);
  const nodes = new Map<ActionName, Node>();
  for (const action of plan.actions) {
    const id = ids.get(action.name);
    if (id === undefined) throw new Error(`no plan id for ${action.name}`);
    const dependencies = dependenciesOf(action).map((name) => {
      const dependency = nodes.get(name);
      if (dependency === undefined) throw new Error(`the plan lists ${name} after ${action.name}`);
      return dependency;
    });
    const node: Node = {
      action,
      planId: id,
      dependencies,
      dependants: [],
      state: 'waiting',
      key: undefined,
      bound: undefined,
      result: undefined,
      why: undefined,
      stale: false,
      ran: false,
      held: undefined,
      fetched: undefined,
      brokenOn: new Set(),
      broken: undefined,
    };
    for (const dependency of dependencies) dependency.dependants.push(node);
    nodes.set(action.name, node);
  }
  return nodes;
}

/** The result of a key, unless it lacks an output, which no completely written result does. */
export async function wholeResult(
  store: Pick<ContentStore, 'getResult'>,
  key: Key,
  recipe: BoundRecipe,
): Promise<ActionResult | undefined> {
  const result = await store.getResult(key);
  const whole = Object.keys(recipe.outputs).every((name) => result?.outputs[name] !== undefined);
  return whole ? result : undefined;
}

/** Whether two results have the same trees. */
export function sameOutputs(
  a: Readonly<Record<string, Digest>> | undefined,
  b: Readonly<Record<string, Digest>> | undefined,
): boolean {
  if (a === undefined || b === undefined) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/**
 * Recomputes the keys of the dependants of a node whose content changed. A running one is left to finish, because its
 * result is correct for the key that it runs under.
 */
export function expireDependants(node: Pick<Node, 'dependants'>): void {
  for (const dependant of node.dependants) {
    if (['running', 'fetching', 'awaited'].includes(dependant.state)) dependant.stale = true;
    else if (dependant.state !== 'failed') dependant.state = 'waiting';
  }
}

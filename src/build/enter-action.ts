import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, type Result } from '../core/result.ts';
import { standings, type Standing } from '../engine/explain.ts';
import { platformText } from '../engine/platforms.ts';
import type { EnterRequest, Executor } from '../executor/executor.ts';
import type { Action, Plan } from '../plan/action.ts';
import { dependenciesOf } from '../plan/graph.ts';
import type { ActionName } from '../plan/names.ts';
import type { BuildContext } from './build-context.ts';
import { noDirectories } from './explain-action.ts';

/** An action's root, into which a shell can go. */
export interface ReadyRoot {
  /** Whether it is as the action left it when it failed. Else it is as it was before the action's script began. */
  readonly left: boolean;
  /** Runs a shell there, on a terminal, and returns its exit code. Fails as `Executor.enter` does. */
  enter(attached: Pick<EnterRequest, 'terminal' | 'signal'>): Promise<Result<number, Failure>>;
}

/**
 * Runs `work` with an action's root, which nobody else uses meanwhile. Fails with `not-ready` as long as what the action reads is not
 * there, with `kept-in-use` if somebody else is in what it left, with `no-executor` if nothing here can run it with a terminal, and
 * as `Executor.check` does.
 */
export async function withReadyRoot<Value>(
  plan: Plan,
  { store, sources, machine, executors }: BuildContext,
  name: ActionName,
  work: (root: ReadyRoot) => Promise<Result<Value, Failure>>,
): Promise<Result<Value, Failure>> {
  const action = plan.actions.find((one) => one.name === name);
  if (action === undefined) throw new Error(`the plan lists no action ${name}`);
  const standingOf = await standings(plan, { store, sources, machine, directories: noDirectories });
  if (!standingOf.ok) return standingOf;
  const standing = await standingOf.value(name);
  if (standing.kind === 'waiting')
    return failed({ reason: 'not-ready', action: name, first: standing.first });
  const { key, bound: recipe } = standing;
  const { platform } = recipe;
  const executor = executors.find((one): one is Entered => {
    return one.enter !== undefined && one.supports(platform);
  });
  if (executor === undefined)
    return failed({
      reason: 'no-executor',
      machine: `${platformText(platform)} with a terminal`,
      actions: [name],
      executors: executors.map((one) => one.name),
    });
  const checked = await executor.check();
  if (!checked.ok) return checked;
  const kept = await store.openKept(key);
  if (kept === 'in-use') return failed({ reason: 'kept-in-use', action: name });
  try {
    return await work({
      left: kept !== 'none',
      enter: async (attached) => {
        const request = { name, recipe, ...attached, ...(kept === 'none' ? {} : { left: kept.path }) };
        const entered = await enter(executor, action, request);
        if (entered.ok || entered.failure.reason !== 'inputs-gone') return entered;
        const first = await makersOf(action, entered.failure.trees, standingOf.value);
        return failed({ reason: 'not-ready', action: name, first });
      },
    });
  } finally {
    if (kept !== 'none') await kept.release();
  }
}

/** An executor that has a way to a terminal. */
type Entered = Executor & Required<Pick<Executor, 'enter'>>;

async function enter(
  executor: Entered,
  { memory, processors }: Action,
  request: Omit<EnterRequest, 'reservation'>,
): Promise<Result<number, Failure>> {
  const reservation = executor.tryReserve({
    ...{ name: request.name, platform: request.recipe.platform, memory },
    ...(processors === undefined ? {} : { processors }),
  });
  if (reservation === undefined) throw new Error('an executor that runs nothing has no room');
  try {
    return await executor.enter({ ...request, reservation });
  } finally {
    reservation.release();
  }
}

/** What makes trees that an action reads: names of actions, or the trees themselves where they are sources. */
async function makersOf(
  action: Action,
  trees: readonly Digest[],
  standingOf: (name: ActionName) => Promise<Standing>,
): Promise<readonly string[]> {
  const makers = new Map<Digest, string>();
  for (const name of dependenciesOf(action)) {
    const standing = await standingOf(name);
    if (standing.kind !== 'known') continue;
    for (const tree of Object.values(standing.outputs)) makers.set(tree, name);
  }
  return [...new Set(trees.map((tree) => makers.get(tree) ?? tree))];
}

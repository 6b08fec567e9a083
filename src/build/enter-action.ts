import { stat } from 'node:fs/promises';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { standings } from '../engine/explain.ts';
import { platformText } from '../engine/platforms.ts';
import type { Executor } from '../executor/executor.ts';
import type { Plan } from '../plan/action.ts';
import type { ActionName } from '../plan/names.ts';
import type { BuildContext } from './build-context.ts';
import { noDirectories } from './explain-action.ts';

/** An action's root, into which a shell can go. */
export interface ReadyRoot {
  /** Whether it is as the action left it when it failed. Else it is as it was before the action's script began. */
  readonly left: boolean;
  /** Runs a shell there, on the standard input and output of this process, and returns its exit code. */
  enter(): Promise<Result<number, Failure>>;
}

/**
 * Finds an action's root. Fails with `not-ready` as long as what the action reads is not there, with `no-executor` if nothing here
 * can run it with a terminal, and as `Executor.check` does.
 */
export async function readyRoot(
  plan: Plan,
  { store, sources, machine, executors }: BuildContext,
  name: ActionName,
): Promise<Result<ReadyRoot, Failure>> {
  const action = plan.actions.find((one) => one.name === name);
  if (action === undefined) throw new Error(`the plan lists no action ${name}`);
  const standingOf = await standings(plan, { store, sources, machine, directories: noDirectories });
  if (!standingOf.ok) return standingOf;
  const standing = await standingOf.value(name);
  if (standing.kind === 'waiting')
    return failed({ reason: 'not-ready', action: name, first: standing.first });
  const { key, bound: recipe } = standing;
  const { platform } = recipe;
  const executor = executors.find((one): one is Executor & Required<Pick<Executor, 'enter'>> => {
    return one.enter !== undefined && one.supports(platform);
  });
  if (executor === undefined)
    return failed({
      reason: 'no-executor',
      machine: `${platformText(platform)} and a terminal`,
      actions: [name],
      executors: executors.map((one) => one.name),
    });
  const checked = await executor.check();
  if (!checked.ok) return checked;
  const place = store.keptPath(key);
  const left = (await stat(place).catch(() => undefined)) !== undefined;
  const { memory, processors } = action;
  return ok({
    left,
    enter: async () => {
      const reservation = executor.tryReserve({
        ...{ name, platform, memory },
        ...(processors === undefined ? {} : { processors }),
      });
      if (reservation === undefined) throw new Error('an executor that runs nothing has no room');
      try {
        return await executor.enter({ name, recipe, reservation, ...(left ? { left: place } : {}) });
      } finally {
        reservation.release();
      }
    },
  });
}

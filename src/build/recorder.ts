import path from 'node:path';
import { recorder } from '../../stages/host-tools/recorder.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import type { RecordOptions } from '../engine/build.ts';
import { assemblePlan } from '../plan/assemble.ts';
import { repoPath, type ActionName } from '../plan/names.ts';
import { digestRepositoryFile } from '../repository/load-inputs.ts';
import type { PlanRequest, SelectedPlan } from '../repository/select-plan.ts';
import { localPlatform } from '../sandbox/local-sandbox.ts';
import { makeTrees, tellFailure, type TreesRequest } from './make-trees.ts';

const source = repoPath('src/sandbox/recorder.c');

/**
 * Makes the command recorder, or finds it in the store. It is not part of a plan, and no events are reported for its
 * actions.
 */
export async function makeRecorder(
  repository: string,
  request: Omit<TreesRequest, 'plan'>,
): Promise<Result<RecordOptions['recorder'], readonly Failure[]>> {
  const file = {
    kind: 'file',
    path: source,
    ...(await digestRepositoryFile(path.join(repository, source))),
  } as const;
  const action = recorder(localPlatform(), file);
  const plan = assemblePlan({
    actions: [action],
    products: [],
    goals: [action.name],
    lock: { sources: [] },
    files: new Map([[source, file]]),
  });
  if (!plan.ok) return tellFailure(request, plan.failure);
  const made = await makeTrees(
    {
      ...request,
      plan: plan.value,
      onEvent: (event) => {
        if (event.kind === 'failed' || event.kind === 'note') request.onEvent(event);
      },
    },
    { recorder: { action: action.name, output: 'out' } },
  );
  return made.ok ? ok(made.value.recorder.digest) : made;
}

/** Actions to which `--again` applies: those requested by name or stage, otherwise all. */
export function actionsMeant({ plan }: SelectedPlan, request: PlanRequest): RecordOptions['again'] {
  const narrowed = [request.only, request.until, request.onlyAction].some((choice) => choice !== undefined);
  return new Set<ActionName>(narrowed ? plan.goals : plan.actions.map((action) => action.name));
}

import path from 'node:path';
import { recorder } from '../../stages/host-tools/recorder.ts';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { build, type BuildOptions, type RecordOptions } from '../engine/build.ts';
import type { ActionName } from '../plan/names.ts';
import { assemblePlan } from '../plan/assemble.ts';
import { output } from '../plan/builder.ts';
import { repoPath } from '../plan/names.ts';
import { localPlatform } from '../sandbox/local-sandbox.ts';
import { digestRepositoryFile } from '../repository/load-inputs.ts';
import type { PlanRequest, SelectedPlan } from '../repository/select-plan.ts';

const source = repoPath('src/sandbox/recorder.c');
/** How often it is made again that turns out damaged. */
const attempts = 2;

/** Makes the recorder, or finds it in the store. Its tree is verified. Failures were told as events. */
export async function makeRecorder(
  repository: string,
  options: BuildOptions,
): Promise<Result<Digest, readonly Failure[]>> {
  const file = {
    kind: 'file',
    path: source,
    ...(await digestRepositoryFile(path.join(repository, source))),
  } as const;
  const action = recorder(localPlatform(), file);
  const tree = output(action, 'out');
  const plan = assemblePlan({
    actions: [action],
    products: [{ name: 'recorder', ref: tree, path: '', description: action.description }],
    goals: [],
    lock: { sources: [] },
    files: new Map([[source, file]]),
  });
  if (!plan.ok) throw new Error(JSON.stringify(plan.failure));
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await build(plan.value, options);
    const made = outcome.results.get(action.name)?.outputs[tree.output];
    if (!outcome.ok || made === undefined) return failed(outcome.failures);
    const verified = await options.store.verifyTree(made);
    if (verified.ok) return ok(made);
    if (verified.failure.reason !== 'damaged-tree' || attempt === attempts) {
      options.onEvent({ kind: 'failed', at: options.clock(), failure: verified.failure });
      return failed([verified.failure]);
    }
  }
}

/** Actions that `--again` means: those that were asked for by name or stage, or else all. */
export function actionsMeant({ plan }: SelectedPlan, request: PlanRequest): RecordOptions['again'] {
  const narrowed = [request.only, request.until, request.onlyAction].some((choice) => choice !== undefined);
  return new Set<ActionName>(narrowed ? plan.goals : plan.actions.map((action) => action.name));
}

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { recallAction } from '../engine/history.ts';
import type { ActionName } from '../plan/names.ts';
import { openDiskStore } from '../store/disk-store.ts';
import { loadRepository, planInputs, type Repository } from './load-inputs.ts';
import { unknownName } from './nearest.ts';
import { wholePlan } from './select-plan.ts';
import { explain, storeDirectory, type ExitCode, type Session } from './session.ts';

/** `bootstrap log ACTION`: where its latest script and environment lie, then its whole log. */
export async function logCommand(
  session: Session,
  name: string,
  storeOption: string | undefined,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository);
  if (!repository.ok) return explain(session, repository.failure);
  const root = storeDirectory(session, storeOption);
  const store = await openDiskStore({ root, epochSeconds: repository.value.lock.sourceDateEpoch });
  if (!store.ok) return explain(session, store.failure);
  const history = await recallAction(store.value, name as ActionName);
  if (history === undefined) {
    const known = await knownActions(repository.value);
    if (!known.ok) return explain(session, known.failure);
    if (!known.value.includes(name)) return explain(session, unknownName('action', name, known.value));
    return explain(session, {
      reason: 'wrong-use',
      what: `action ${name} has never run with the store ${root}`,
      hint: 'A build that needs it runs it; --store DIR names another store.',
    });
  }
  const directory = await store.value.logDirectory(history.key);
  const log = path.join(directory, 'log');
  session.out(`script       ${path.join(directory, 'script')}\n`);
  session.out(`environment  ${path.join(directory, 'environment')}\n`);
  session.out(`log          ${log}\n\n`);
  if ((await stat(log).catch(() => undefined)) === undefined) {
    session.out('(no log: the run was ended before it wrote one)\n');
    return 0;
  }
  const text = createReadStream(log, { encoding: 'utf8' });
  for await (const piece of text) session.out(piece as string);
  return 0;
}

/** Names of all actions for every arch, and every host where a cross compiler can run. */
async function knownActions(repository: Repository): Promise<Result<readonly string[], Failure>> {
  const names = new Set<string>();
  for (const arch of repository.arches.names) {
    for (const host of repository.arches.names) {
      const inputs = await planInputs(repository, { arch, host });
      if (!inputs.ok) return failed(inputs.failure);
      const plan = wholePlan(inputs.value, { kind: 'everything', withNative: true });
      if (!plan.ok) return plan;
      for (const action of plan.value.actions) names.add(action.name);
    }
  }
  return ok([...names].sort());
}

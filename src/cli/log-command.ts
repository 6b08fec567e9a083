import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { recallAction } from '../engine/history.ts';
import { hasRecord, recordPath } from '../engine/record.ts';
import { quoteWord } from '../core/shell-word.ts';
import { imageKinds } from '../../stages/image-kinds.ts';
import type { ActionName, Key } from '../plan/names.ts';
import type { Store } from '../store/store.ts';
import { loadRepository, planInputs, type Repository } from '../repository/load-inputs.ts';
import { unknownAction } from '../core/nearest.ts';
import { openStore } from '../build/open-store.ts';
import { readRecord } from './record-command.ts';
import { wholePlan } from '../repository/select-plan.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, storeDirectory, type Session } from './session.ts';

/**
 * `bootstrap log ACTION`: where its latest script and environment lie, then its whole log.
 *
 * @param commands in the place of the log the record of the commands that it ran
 */
export async function logCommand(
  session: Session,
  name: string,
  storeOption: string | undefined,
  commands = false,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository, session.archDirectories);
  if (!repository.ok) return explain(session, repository.failure);
  const root = storeDirectory(session, storeOption);
  const store = await openStore(root, repository.value.lock.sourceDateEpoch, (text) =>
    session.err(`${text}\n`),
  );
  if (!store.ok) return explain(session, store.failure);
  const history = await recallAction(store.value, name as ActionName);
  if (history === undefined) {
    const known = await knownActions(repository.value);
    if (!known.ok) return explain(session, known.failure);
    if (!known.value.includes(name)) return explain(session, unknownAction(name, known.value));
    return explain(session, {
      reason: 'wrong-use',
      what: `action ${name} has never run with the store ${root}`,
      hint: 'A build that needs it runs it; --store DIR names another store.',
    });
  }
  if (commands) return printRecord(session, store.value, name, history.key);
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

/** A line for each command: process, its parent, program, and the arguments as a shell reads them. */
async function printRecord(session: Session, store: Store, name: string, key: Key): Promise<ExitCode> {
  if (!(await hasRecord(store, key))) {
    return explain(session, {
      reason: 'wrong-use',
      what: `the latest run of ${name} was not recorded`,
      hint: `Run it again for its record with: bootstrap ARCH --only-action ${name} --record --again`,
    });
  }
  for await (const { pid, ppid, program, argv } of readRecord(await recordPath(store, key))) {
    session.out(`${pid} ${ppid} ${program}: ${argv.map(quoteWord).join(' ')}\n`);
  }
  return 0;
}

/** Names of all actions for every arch, every host where a cross compiler can run, and every kind of image. */
async function knownActions(repository: Repository): Promise<Result<readonly string[], Failure>> {
  const names = new Set<string>();
  for (const arch of repository.arches.names) {
    for (const host of repository.arches.names) {
      const inputs = await planInputs(repository, { arch, host });
      if (!inputs.ok) return failed(inputs.failure);
      for (const image of imageKinds) {
        const plan = wholePlan(inputs.value, { kind: 'everything', withNative: true, image });
        if (!plan.ok) return plan;
        for (const action of plan.value.actions) names.add(action.name);
      }
    }
  }
  return ok([...names].sort());
}

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { openExistingStore } from '../build/open-store.ts';
import { recordedCommands } from '../build/recorded-commands.ts';
import type { Failure } from '../core/failure.ts';
import { unknownAction } from '../core/nearest.ts';
import { recallAction } from '../engine/history.ts';
import { quoteWord } from '../core/shell-word.ts';
import type { ActionName, Key } from '../plan/names.ts';
import { actionsLike } from '../repository/actions-like.ts';
import { loadRepository, type Repository } from '../repository/load-inputs.ts';
import type { Store } from '../store/store.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, storeDirectory, type Session } from './session.ts';

/**
 * `bootstrap log ACTION`: the paths of its latest script and environment, then its whole log.
 *
 * @param commands instead of the log the record of the commands that it ran
 * @param known the action is known to exist: one of a system, which no plan for an arch has
 */
export async function logCommand(
  session: Session,
  name: string,
  storeOption: string | undefined,
  commands = false,
  known = false,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository, session);
  if (!repository.ok) return explain(session, repository.failure);
  const root = storeDirectory(session, storeOption);
  const store = await openExistingStore(root, repository.value.lock.sourceDateEpoch, (text) =>
    session.err(`${text}\n`),
  );
  if (!store.ok) return explain(session, store.failure);
  const history = store.value && (await recallAction(store.value, name as ActionName));
  if (store.value === undefined || history === undefined)
    return explain(
      session,
      known
        ? { reason: 'never-run', action: name, store: root }
        : await neverRun(repository.value, name, root),
    );
  return commands
    ? printRecord(session, store.value, name, history.key)
    : printLog(session, await store.value.logDirectory(history.key));
}

async function neverRun(repository: Repository, action: string, store: string): Promise<Failure> {
  const known = await actionsLike(repository, action);
  if (!known.ok) return known.failure;
  return known.value.includes(action)
    ? { reason: 'never-run', action, store }
    : unknownAction(action, known.value);
}

async function printLog(session: Session, directory: string): Promise<ExitCode> {
  const log = path.join(directory, 'log');
  session.out(`script       ${path.join(directory, 'script')}\n`);
  session.out(`environment  ${path.join(directory, 'environment')}\n`);
  session.out(`log          ${log}\n\n`);
  if ((await stat(log).catch(() => undefined)) === undefined) {
    session.out('(no log: the run ended before writing one)\n');
    return 0;
  }
  const text = createReadStream(log, { encoding: 'utf8' });
  for await (const piece of text) session.out(piece as string);
  return 0;
}

/** A line for each command: process, its parent, program, and the arguments quoted for a shell. */
async function printRecord(session: Session, store: Store, name: string, key: Key): Promise<ExitCode> {
  const commands = await recordedCommands(store, name, key);
  if (!commands.ok) return explain(session, commands.failure);
  for await (const { pid, ppid, program, argv } of commands.value) {
    session.out(`${pid} ${ppid} ${program}: ${argv.map(quoteWord).join(' ')}\n`);
  }
  return 0;
}

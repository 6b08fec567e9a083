import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { openExistingStore } from '../build/open-store.ts';
import { recordedCommands } from '../build/recorded-commands.ts';
import { quoteWord } from '../core/shell-word.ts';
import { recallAction } from '../engine/history.ts';
import type { ActionName, Key } from '../plan/names.ts';
import type { Repository } from '../repository/load-inputs.ts';
import type { Store } from '../store/store.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, storeDirectory, type Session } from './session.ts';

/** What is printed of an action. */
export interface LogWanted {
  readonly store?: string | undefined;
  /** Instead of its log, the record of the commands that it ran. Undefined: the log. */
  readonly commands?: boolean | undefined;
}

/** Prints the log of an action's latest run. Undefined: it was never run. */
export async function printLatest(
  session: Session,
  { lock }: Repository,
  action: ActionName,
  { store: storeOption, commands = false }: LogWanted,
): Promise<ExitCode | undefined> {
  const root = storeDirectory(session, storeOption);
  const store = await openExistingStore(root, lock.sourceDateEpoch, (text) => session.err(`${text}\n`));
  if (!store.ok) return explain(session, store.failure);
  const history = store.value && (await recallAction(store.value, action));
  if (store.value === undefined || history === undefined) return undefined;
  return commands
    ? printRecord(session, store.value, action, history.key)
    : printLog(session, await store.value.logDirectory(history.key));
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

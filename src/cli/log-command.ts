import type { Failure } from '../core/failure.ts';
import { unknownAction } from '../core/nearest.ts';
import type { ActionName } from '../plan/names.ts';
import { actionsLike } from '../repository/actions-like.ts';
import { loadRepository, type Repository } from '../repository/load-inputs.ts';
import type { ExitCode } from './exit-code.ts';
import { printLatest, type LogWanted } from './print-log.ts';
import { explain, storeDirectory, type Session } from './session.ts';

/** `bootstrap log ACTION`: the paths of its latest script and environment, then its whole log. */
export async function logCommand(
  session: Session,
  name: string,
  { store, commands }: LogWanted,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository, session);
  if (!repository.ok) return explain(session, repository.failure);
  const printed = await printLatest(session, repository.value, name as ActionName, { store, commands });
  return printed ?? explain(session, await neverRun(repository.value, name, storeDirectory(session, store)));
}

async function neverRun(repository: Repository, action: string, store: string): Promise<Failure> {
  const known = await actionsLike(repository, action);
  if (!known.ok) return known.failure;
  return known.value.includes(action)
    ? { reason: 'never-run', action, store }
    : unknownAction(action, known.value);
}

import { fetchSources } from '../build/fetch-sources.ts';
import { count } from '../core/count.ts';
import { loadRepository } from '../repository/load-inputs.ts';
import { wantedSources } from '../repository/wanted-sources.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import type { SourceRequest } from './options.ts';
import { explain, type Session } from './session.ts';

/** `bootstrap fetch`: fetches sources into the store, so that a later build can run with `--offline`. */
export async function fetchCommand(
  session: Session,
  names: readonly string[],
  request: SourceRequest,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository, session);
  if (!repository.ok) return explain(session, repository.failure);
  const wanted = await wantedSources(repository.value, names);
  if (!wanted.ok) return explain(session, wanted.failure);
  const { lock } = repository.value;
  return whileBuilding(session, { lock, sources: request }, async ({ closeReporter, ...building }) => {
    const fetched = await fetchSources({ ...building, sources: wanted.value });
    closeReporter();
    if (!fetched.ok) return exitCodeOfAll(fetched.failure);
    session.out(`${count(wanted.value.length, 'source')} in the store, ${fetched.value} of them new\n`);
    return 0;
  });
}

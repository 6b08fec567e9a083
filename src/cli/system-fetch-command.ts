import path from 'node:path';
import { fetchCommits } from '../build/fetch-commits.ts';
import { fetchSources } from '../build/fetch-sources.ts';
import { count } from '../core/count.ts';
import type { Failure } from '../core/failure.ts';
import { StoreFault } from '../core/fault.ts';
import { ok, type Result } from '../core/result.ts';
import { gitSourcesOf } from '../definitions/pins.ts';
import { chunksOf } from '../definitions/read-system.ts';
import { addPin } from '../repository/pins-file.ts';
import { wantedSources } from '../repository/wanted-sources.ts';
import { GitSources } from '../sources/git-source.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { openSystemWithPins, type SystemOptions } from './open-system.ts';
import { explain, storeDirectory, type Session } from './session.ts';

export interface SystemFetchOptions extends SystemOptions {
  readonly pin?: boolean;
  readonly store?: string;
  readonly offline?: boolean;
}

/** `bootstrap system fetch`: brings all sources of a system into the store. */
export async function systemFetchCommand(
  session: Session,
  file: string,
  options: SystemFetchOptions,
): Promise<ExitCode> {
  const { offline = false, store } = options;
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return explain(session, opened.failure);
  const { repository, system, pins, pinsFile, aliases } = opened.value;
  const chunks = chunksOf(system);
  const names = chunks.flatMap(({ source }) =>
    source.kind === 'locked' ? `${source.name}@${source.version}` : [],
  );
  const locked = names.length === 0 ? ok([]) : await wantedSources(repository, names);
  if (!locked.ok) return explain(session, locked.failure);
  const commits = gitSourcesOf(chunks);
  const sources = { offline, acceptVariants: [], ...(store === undefined ? {} : { store }) };
  const { lock } = repository;
  return whileBuilding(session, { lock, sources }, async ({ closeReporter, ...building }) => {
    const cacheDirectory = path.join(storeDirectory(session, store), 'downloads');
    const ofLock = await fetchSources({ ...building, sources: locked.value });
    const ofGit = await fetchCommits({
      ...building,
      sources: commits,
      store: building.context.store,
      pins,
      aliases,
      git: new GitSources({ cacheDirectory, offline }),
      ...(options.pin === true ? { pin: async (pin) => orThrow(await addPin(pinsFile, pin)) } : {}),
    });
    closeReporter();
    const failures = [ofLock, ofGit].flatMap((fetched) => (fetched.ok ? [] : fetched.failure));
    if (failures.length > 0) return exitCodeOfAll(failures);
    const fetched = (ofLock.ok ? ofLock.value : 0) + (ofGit.ok ? ofGit.value : 0);
    const all = commits.length + locked.value.length;
    session.out(`${count(all, 'source')} in the store, ${fetched} of them new\n`);
    return 0;
  });
}

function orThrow(result: Result<void, Failure>): void {
  if (!result.ok) throw new StoreFault(result.failure);
}

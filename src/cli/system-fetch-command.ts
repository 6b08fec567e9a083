import path from 'node:path';
import { fetchCommits } from '../build/fetch-commits.ts';
import { fetchSources } from '../build/fetch-sources.ts';
import { count } from '../core/count.ts';
import type { Failure } from '../core/failure.ts';
import { StoreFault } from '../core/fault.ts';
import { ok, type Result } from '../core/result.ts';
import { gitSourcesOf } from '../definitions/pins.ts';
import { chunksOf } from '../definitions/read-system.ts';
import { loadRepository } from '../repository/load-inputs.ts';
import { addPin, pinsName, readPins } from '../repository/pins-file.ts';
import { openSystem } from '../repository/read-definitions.ts';
import { wantedSources } from '../repository/wanted-sources.ts';
import { GitSources } from '../sources/git-source.ts';
import { parseAliases } from '../sources/git-url.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { explain, storeDirectory, type Session } from './session.ts';

export interface SystemFetchOptions {
  readonly pin?: boolean;
  readonly pins?: string;
  /** `NAME=URL`. */
  readonly alias?: readonly string[];
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
  const aliases = parseAliases(options.alias ?? [], '--alias');
  if (!aliases.ok) return explain(session, aliases.failure);
  const opened = await openSystem(path.resolve(session.cwd, file));
  if (!opened.ok) return explain(session, opened.failure);
  const { root, system } = opened.value;
  const pinsFile =
    options.pins === undefined ? path.join(root, pinsName) : path.resolve(session.cwd, options.pins);
  const pins = await readPins(pinsFile);
  if (!pins.ok) return explain(session, pins.failure);
  const repository = await loadRepository(session.repository, session);
  if (!repository.ok) return explain(session, repository.failure);
  const chunks = chunksOf(system);
  const names = chunks.flatMap(({ source }) =>
    source.kind === 'locked' ? `${source.name}@${source.version}` : [],
  );
  const locked = names.length === 0 ? ok([]) : await wantedSources(repository.value, names);
  if (!locked.ok) return explain(session, locked.failure);
  const commits = gitSourcesOf(chunks);
  const sources = { offline, acceptVariants: [], ...(store === undefined ? {} : { store }) };
  const { lock } = repository.value;
  return whileBuilding(session, { lock, sources }, async ({ closeReporter, ...building }) => {
    const cacheDirectory = path.join(storeDirectory(session, store), 'downloads');
    const ofLock = await fetchSources({ ...building, sources: locked.value });
    const ofGit = await fetchCommits({
      ...building,
      sources: commits,
      store: building.context.store,
      pins: pins.value,
      aliases: aliases.value,
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

import { availableParallelism, freemem } from 'node:os';
import path from 'node:path';
import { count } from '../core/count.ts';
import { GitSources } from '../sources/git-source.ts';
import { prepareOutDirectory } from '../release/out-directory.ts';
import { buildSystem } from '../system/build-system.ts';
import { publishSystem } from '../system/publish-system.ts';
import { planSystem } from '../system/plan-system.ts';
import { whileBuilding } from './building.ts';
import { exitCodeOfAll, type ExitCode } from './exit-code.ts';
import { openSystemWithPins, type PinOptions } from './open-system.ts';
import { sourceRequest, type SourceOptions } from './options.ts';
import { explain, outDirectory, shownPath, storeDirectory, type Session } from './session.ts';

export interface SystemBuildOptions extends PinOptions, SourceOptions {
  readonly host?: string;
  readonly targetCompiler?: string;
  readonly only?: readonly string[];
  readonly check?: boolean;
  readonly guests?: number;
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly out?: string;
  readonly events?: string;
}

/** `bootstrap system build`: builds the chunks of a system, each in a guest. */
export async function systemBuildCommand(
  session: Session,
  file: string,
  options: SystemBuildOptions,
): Promise<ExitCode> {
  const { host, targetCompiler, only, check = false, keepGoing = false, jobs, events } = options;
  const opened = await openSystemWithPins(session, file, options);
  if (!opened.ok) return explain(session, opened.failure);
  const { repository, system, pins, aliases } = opened.value;
  const planned = await planSystem(repository, {
    system,
    pins,
    check,
    ...(only === undefined ? {} : { only }),
    ...(host === undefined ? {} : { host }),
    ...(targetCompiler === undefined ? {} : { targetCompiler }),
  });
  if (!planned.ok) return explain(session, planned.failure);
  const sources = sourceRequest(options);
  const building = {
    lock: repository.lock,
    sources,
    ...(jobs === undefined ? {} : { jobs }),
    ...(events === undefined ? {} : { events }),
  };
  const products = outDirectory(session, options.out, planned.value.inputs.target.name, repository);
  const directory = path.join(products, 'systems');
  const prepared = await prepareOutDirectory(directory);
  if (!prepared.ok) return explain(session, prepared.failure);
  return whileBuilding(session, building, async ({ closeReporter, context, ...progress }) => {
    const { store } = context;
    const cacheDirectory = path.join(storeDirectory(session, options.store), 'downloads');
    const git = new GitSources({ cacheDirectory, offline: sources.offline });
    const built = await buildSystem({
      ...progress,
      context,
      keepGoing,
      planned: planned.value,
      pins,
      commits: { aliases, git, store, onEvent: progress.onEvent },
      guests: {
        most: options.guests ?? availableParallelism(),
        memory: Math.floor((freemem() * 0.8) / 2 ** 20),
        jobs: (jobs ?? availableParallelism()) + 1,
      },
    });
    closeReporter();
    if (!built.ok) return exitCodeOfAll(built.failure);
    if (planned.value.chunks !== undefined) {
      const width = Math.max(...built.value.map(({ name }) => name.length));
      const lines = built.value.map(({ name, path: place }) => `  ${name.padEnd(width)}  ${place}\n`);
      session.out(`${system.name}: ${count(built.value.length, 'chunk')}\n${lines.join('')}`);
      return 0;
    }
    const published = await publishSystem(store, planned.value, built.value, directory);
    if (!published.ok) return explain(session, published.failure);
    session.out(`${shownPath(session, published.value)}\n`);
    return 0;
  });
}

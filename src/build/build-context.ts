import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { unknownName } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Executor } from '../executor/executor.ts';
import type { Lock } from '../inputs/lock.ts';
import { createMachineProvider } from '../machine/machine.ts';
import { cachedSources } from '../remote/cached-sources.ts';
import { createHttpCache, type HttpCacheOptions } from '../remote/http-cache.ts';
import type { RepoPath } from '../plan/names.ts';
import type { MachineProvider, SourceProvider } from '../plan/providers.ts';
import { createLocalExecutor } from '../sandbox/local-sandbox.ts';
import { createSourceProvider, type Variant } from '../sources/provider.ts';
import type { Store } from '../store/store.ts';
import { openStore } from './open-store.ts';

/** Where sources come from, and which deviations are accepted. */
export interface SourcePolicy {
  /** URL that is tried first for the archives of sources. */
  readonly mirror?: string;
  readonly offline: boolean;
  /** Names of sources whose tree may differ from the pinned one. */
  readonly acceptVariants: readonly string[];
}

export interface ContextRequest extends SourcePolicy {
  /** This repository, absolute. */
  readonly repository: string;
  /** Directory of the store, absolute. It is created if missing. */
  readonly store: string;
  readonly lock: Lock;
  /** Number of jobserver tokens. Undefined: the number of processors. */
  readonly jobs?: number;
  /** A cache of results that others have made. Undefined: none. */
  readonly cache?: Omit<HttpCacheOptions, 'store' | 'say'> | undefined;
  /** Called with messages for the user. Undefined: they are dropped. */
  readonly say?: (text: string) => void;
}

/** Everything that is needed for building, apart from a plan. */
export interface BuildContext {
  readonly store: Store;
  /** In order of preference. */
  readonly executors: readonly Executor[];
  readonly sources: SourceProvider;
  /** Sources that were accepted with a tree other than the pinned one. */
  readonly variants: () => readonly Variant[];
  readonly machine: MachineProvider;
  /** Undefined: none. */
  readonly cache?: ReturnType<typeof createHttpCache>;
  /** Bytes of a file of this repository. */
  readonly files: (name: RepoPath) => Promise<Uint8Array>;
}

/** `openBuildContext`, or a replacement in tests. */
export type OpenBuildContext = (request: ContextRequest) => Promise<Result<BuildContext, Failure>>;

/**
 * Opens the store and creates the real executor and providers for it. Fails with `unknown-name` for a source that is
 * not in the lock.
 */
export async function openBuildContext(request: ContextRequest): Promise<Result<BuildContext, Failure>> {
  const { lock, repository, mirror, offline, acceptVariants, say = () => undefined } = request;
  const names: readonly string[] = [...new Set(lock.sources.map((source) => source.name))];
  const unknown = acceptVariants.find((name) => !names.includes(name));
  if (unknown !== undefined) return failed(unknownName('source', unknown, names));
  const store = await openStore(request.store, lock.sourceDateEpoch, say);
  if (!store.ok) return store;
  const files = (name: RepoPath): Promise<Uint8Array> => readFile(path.join(repository, name));
  const sources = createSourceProvider({
    store: store.value,
    lock,
    cacheDirectory: path.join(request.store, 'downloads'),
    offline,
    acceptVariants,
    readRepoFile: files,
    onNote: say,
    ...(mirror === undefined ? {} : { mirror }),
  });
  let unpacking = 0;
  const counted: SourceProvider = {
    recall: (source) => sources.recall(source),
    obtain: async (source, progress) => {
      unpacking += 1;
      try {
        return await sources.obtain(source, progress);
      } finally {
        unpacking -= 1;
      }
    },
  };
  const cache =
    request.cache === undefined ? undefined : createHttpCache({ ...request.cache, store: store.value, say });
  return ok({
    store: store.value,
    executors: [
      createLocalExecutor({
        store: store.value,
        repository,
        jobs: request.jobs ?? availableParallelism(),
        memoryMiB: memoryMiB(),
        otherWork: () => unpacking > 0,
        epochSeconds: lock.sourceDateEpoch,
      }),
    ],
    machine: createMachineProvider({ store: store.value }),
    ...(cache === undefined ? {} : { cache }),
    sources: cache === undefined ? counted : cachedSources(counted, cache, acceptVariants),
    variants: () => sources.variants(),
    files,
  });
}

/** Four fifths of the memory of this machine, or of the container that this process runs in. */
function memoryMiB(): number {
  const limit = process.constrainedMemory();
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.max(512, Math.floor((bytes * 0.8) / 1024 / 1024));
}

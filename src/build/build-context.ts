import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { MachineProvider, SourceProvider } from '../plan/providers.ts';
import type { Executor } from '../executor/executor.ts';
import { createLocalExecutor } from '../sandbox/local-sandbox.ts';
import { createMachineProvider } from '../machine/machine.ts';
import type { Lock } from '../inputs/lock.ts';
import type { RepoPath } from '../plan/names.ts';
import { createSourceProvider, type Variant } from '../sources/provider.ts';
import type { Store } from '../store/store.ts';
import { unknownName } from '../core/nearest.ts';
import { openStore } from './open-store.ts';
import { storeDirectory, type Session } from '../cli/session.ts';

/** Where sources come from, and what is done about them. */
export interface SourceRequest {
  /** `--store`, as the user wrote it. */
  readonly store?: string;
  readonly mirror?: string;
  readonly offline: boolean;
  /** Names of sources whose tree may differ from the pinned one. */
  readonly acceptVariants: readonly string[];
}

/** Everything that building takes beside a plan. */
export interface Workshop {
  readonly store: Store;
  /** In order of preference. */
  readonly executors: readonly Executor[];
  readonly sources: SourceProvider;
  /** Sources that were taken with another tree than the pinned one. */
  readonly variants: () => readonly Variant[];
  readonly machine: MachineProvider;
  /** Bytes of a file of this repository. */
  readonly files: (name: RepoPath) => Promise<Uint8Array>;
}

/** `openWorkshop`, or what tests put in its place. */
export type OpenWorkshop = typeof openWorkshop;

/**
 * Opens the store and puts the real executor and providers on it.
 *
 * @param say tells the user what is worth a line
 */
export async function openWorkshop(
  session: Session,
  lock: Lock,
  request: SourceRequest & {
    /** Tokens of the jobserver. Undefined: as many as there are processors. */
    readonly jobs?: number;
  },
  say: (text: string) => void = () => undefined,
): Promise<Result<Workshop, Failure>> {
  const names: readonly string[] = [...new Set(lock.sources.map((source) => source.name))];
  const unknown = request.acceptVariants.find((name) => !names.includes(name));
  if (unknown !== undefined) return failed(unknownName('source', unknown, names));
  const root = storeDirectory(session, request.store);
  const store = await openStore(root, lock.sourceDateEpoch, say);
  if (!store.ok) return store;
  const files = (name: RepoPath): Promise<Uint8Array> => readFile(path.join(session.repository, name));
  const sources = createSourceProvider({
    store: store.value,
    lock,
    cacheDirectory: path.join(root, 'downloads'),
    offline: request.offline,
    acceptVariants: request.acceptVariants,
    readRepoFile: files,
    onNote: say,
    ...(request.mirror === undefined ? {} : { mirror: request.mirror }),
  });
  let unpacking = 0;
  return ok({
    store: store.value,
    executors: [
      createLocalExecutor({
        store: store.value,
        jobs: request.jobs ?? availableParallelism(),
        memoryMiB: memoryMiB(),
        otherWork: () => unpacking > 0,
        epochSeconds: lock.sourceDateEpoch,
        readHelperSource: (name) => readFile(path.join(session.repository, name)),
      }),
    ],
    machine: createMachineProvider({ store: store.value }),
    sources: {
      recall: (source) => sources.recall(source),
      obtain: async (source, progress) => {
        unpacking += 1;
        try {
          return await sources.obtain(source, progress);
        } finally {
          unpacking -= 1;
        }
      },
    },
    variants: () => sources.variants(),
    files,
  });
}

/** Four fifths of what this machine, or the container that this process is in, has. */
function memoryMiB(): number {
  const limit = process.constrainedMemory();
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.max(512, Math.floor((bytes * 0.8) / 1024 / 1024));
}

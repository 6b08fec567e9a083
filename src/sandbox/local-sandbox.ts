import { rename } from 'node:fs/promises';
import { machine } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { runsProgramsOf } from '../core/foreign-programs.ts';
import { catchFailures, errorCode } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { shortageAt } from '../core/room.ts';
import { actionEnvironment, renderEnvironment } from '../executor/environment.ts';
import {
  recordName,
  type EnterRequest,
  type ExecuteRequest,
  type Execution,
  type Executor,
  type Reservation,
  type RoomRequest,
} from '../executor/executor.ts';
import { inputRoot, scriptCommand, shellCommand, treesToList } from '../executor/input-root.ts';
import { ListingCache } from '../executor/listings.ts';
import { keepIfPossible } from '../executor/keep-left.ts';
import { renderScript } from '../executor/script.ts';
import { signalName, verifyInputs } from '../executor/verify-inputs.ts';
import type { Platform } from '../plan/action.ts';
import type { Store } from '../store/store.ts';
import { renderEntryScript } from './entry-script.ts';
import { openStoreJobserver, type TokenPool } from './jobserver.ts';
import { createForeignCheck, type CopyForeign } from './foreign-trees.ts';
import { ownerOnDisk } from './identity.ts';
import { layOut, type Layout } from './layout.ts';
import { LocalSlots } from './local-slots.ts';
import { probeNamespaces, type SandboxMeans } from './namespaces.ts';
import { numbered, openWorkDirectories, places, prepare, type NumberedMount } from './prepare.ts';
import { findOutput } from './output-directory.ts';
import { runSandbox } from './sandbox-process.ts';

export interface LocalExecutorOptions {
  readonly store: Store;
  /** Absolute path of this program's own repository, which has the sources of the sandbox's helper. */
  readonly repository: string;
  /** Number of jobserver tokens, which limits how much runs at once on this machine. At least 1. */
  readonly jobs: number;
  /** Memory that actions may reserve together, in MiB; an action that wants more runs alone. */
  readonly memoryMiB: number;
  /**
   * Whether this machine is doing other work for the build, such as unpacking, which counts as one job. Undefined:
   * never.
   */
  readonly otherWork?: () => boolean;
  /** Modification time of single files that are inputs, in seconds since 1970: the one from the lock. Undefined: 0. */
  readonly epochSeconds?: number;
  /** Whether unions are overlay mounts if the machine allows them, or always copies. Undefined: `where-allowed`. */
  readonly overlays?: 'where-allowed' | 'never';
}

/** What the executor needs to start sandboxes, once it is open. */
interface Open {
  readonly means: SandboxMeans;
  readonly tokens: TokenPool;
  readonly slots: LocalSlots;
}

/** The machine that this process runs on. */
export function localPlatform(): Platform {
  return { os: 'linux', cpu: machine() };
}

/** Runs actions on this machine, each in its own user, mount, pid, ipc, uts and network namespaces. */
export function createLocalExecutor(options: LocalExecutorOptions): Executor {
  return new LocalExecutor(options);
}

class LocalExecutor implements Executor {
  readonly name = 'local sandbox';
  readonly #platform = localPlatform();
  readonly #options: LocalExecutorOptions;
  readonly #store: Store;
  readonly #listings: ListingCache;
  readonly #listeners = new Set<() => void>();
  readonly #copyForeign: CopyForeign = createForeignCheck();
  #means: Promise<Result<SandboxMeans, Failure>> | undefined;
  #open: Open | undefined;

  constructor(options: LocalExecutorOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#listings = new ListingCache(options.store);
  }

  supports({ os, cpu, alsoRuns = [], superuser = false }: Platform): boolean {
    const own = this.#platform;
    return !superuser && os === own.os && cpu === own.cpu && alsoRuns.every(runsProgramsOf);
  }

  async check(): Promise<Result<void, Failure>> {
    return catchFailures(this.#store.root, async () => {
      const means = await this.#findMeans();
      if (!means.ok) return means;
      if (this.#open !== undefined) return ok(undefined);
      const tokens = await openStoreJobserver(this.#options.jobs, this.#store);
      if (!tokens.ok) return tokens;
      const slots = new LocalSlots({ ...this.#options, tokens: tokens.value }, () => {
        for (const listener of this.#listeners) listener();
      });
      this.#open = { means: means.value, tokens: tokens.value, slots };
      return ok(undefined);
    });
  }

  tryReserve(request: RoomRequest): Reservation | undefined {
    return this.#opened().slots.tryReserve(request);
  }

  onRoom(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#open?.slots.close();
    this.#open = undefined;
    return Promise.resolve();
  }

  #opened(): Open {
    if (this.#open === undefined) throw new Error('the local sandbox was not asked whether it works');
    return this.#open;
  }

  #findMeans(): Promise<Result<SandboxMeans, Failure>> {
    this.#means ??= catchFailures(this.#store.root, () =>
      probeNamespaces(this.#store, this.#options.overlays ?? 'where-allowed', this.#options.repository),
    );
    return this.#means;
  }

  async execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    return catchFailures(this.#store.root, () => this.#execute(request));
  }

  async #execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    const open = this.#opened();
    const layout = await this.#layOut(request, open);
    if (!layout.ok) return layout;
    const scratch = await this.#store.makeScratch(request.name);
    const { keep } = request;
    let fails = false;
    try {
      const executed = await this.#run(request, layout.value, scratch.path, open);
      fails = executed.ok && executed.value.exitCode !== 0;
      return executed;
    } finally {
      try {
        await openWorkDirectories(layout.value, scratch.path);
        if (fails && keep !== undefined) await keepIfPossible(() => rename(scratch.path, keep));
      } finally {
        await scratch.release();
      }
    }
  }

  async #layOut(
    request: Pick<ExecuteRequest, 'name' | 'recipe' | 'signal'>,
    { means }: Open,
  ): Promise<Result<Layout, Failure>> {
    const verified = await verifyInputs(this.#store, request);
    if (!verified.ok) return verified;
    const { name, recipe } = request;
    const root = inputRoot(name, recipe, await this.#listings.load(treesToList(recipe)));
    if (!root.ok) return root;
    return ok(await this.#copyForeign(layOut(root.value, this.#store), ownerOnDisk(means.identity)));
  }

  enter(request: EnterRequest): Promise<Result<number, Failure>> {
    return catchFailures(this.#store.root, () => this.#enter(request));
  }

  async #enter({ left, terminal, ...request }: EnterRequest): Promise<Result<number, Failure>> {
    const open = this.#opened();
    const layout = await this.#layOut(request, open);
    if (!layout.ok) return layout;
    const { signal } = request;
    const scratch = left === undefined ? await this.#store.makeScratch('shell') : undefined;
    const place = scratch?.path ?? String(left);
    try {
      const mounts =
        left === undefined
          ? await prepare(layout.value, place, this.#options.epochSeconds ?? 0)
          : numbered(layout.value);
      const { means } = open;
      const end = await runSandbox({
        programs: means.programs,
        helper: means.helper,
        identity: means.identity,
        scratch: place,
        entryScript: renderEntryScript({
          layout: layout.value,
          mounts,
          scratch: place,
          environment: { ...actionEnvironment(request.recipe, undefined), TERM: terminal.type },
          argv: shellCommand,
          overlays: means.overlays,
          jobserver: false,
          programs: means.programs,
          attached: true,
          left: left !== undefined,
        }),
        terminal,
        ...(signal === undefined ? {} : { signal }),
      });
      if (end.kind === 'ended') return ok(end.exitCode);
      if (end.kind === 'aborted') return failed({ reason: 'interrupted', signal: signalName(signal) });
      return failed({ reason: 'backend-unreachable', backend: this.name, detail: end.detail });
    } finally {
      try {
        await openWorkDirectories(layout.value, place);
      } finally {
        await scratch?.release();
      }
    }
  }

  async #run(
    request: ExecuteRequest,
    layout: Layout,
    scratch: string,
    { means, tokens }: Open,
  ): Promise<Result<Execution, Failure>> {
    const { recipe, log, signal } = request;
    const jobserver = tokens.handle;
    const environment = actionEnvironment(recipe, jobserver?.tokens);
    await request.onStart?.();
    await log.keep('script', renderScript(recipe.commands));
    await log.keep('environment', renderEnvironment(environment));

    // The sandbox's user can write only in the scratch directory.
    const record = join(scratch, recordName);
    const mounts = await prepare(layout, scratch, this.#options.epochSeconds ?? 0);
    const started = performance.now();
    const end = await runSandbox({
      programs: means.programs,
      helper: means.helper,
      identity: means.identity,
      scratch,
      entryScript: renderEntryScript({
        layout,
        mounts,
        scratch,
        environment,
        argv: scriptCommand,
        overlays: means.overlays,
        jobserver: jobserver !== undefined,
        programs: means.programs,
        ...(request.recorder === undefined
          ? {}
          : { recorder: { program: recorderIn(this.#store, request.recorder), file: record } }),
      }),
      ...(jobserver === undefined ? {} : { jobserver: jobserver.descriptor }),
      ...(signal === undefined ? {} : { signal }),
      onOutput: (bytes) => log.write(bytes),
    });
    const wallSeconds = (performance.now() - started) / 1000;
    // A killed action has no record. An action that was not recorded keeps the record of an earlier run.
    if (request.recorder !== undefined && end.kind === 'ended') await keepRecord(request, record);
    const logged = await log.close();
    if (!logged.ok) return logged;

    if (end.kind === 'aborted') return failed({ reason: 'interrupted', signal: signalName(signal) });
    const crowded = end.kind === 'broken' || end.exitCode !== 0 ? this.#findNoRoom() : undefined;
    if (crowded !== undefined) return failed(crowded);
    if (end.kind === 'broken') {
      return failed({
        reason: 'backend-unreachable',
        backend: this.name,
        detail: `${request.name}: ${end.detail}`,
      });
    }
    const { exitCode, cpuSeconds } = end;
    if (exitCode !== 0) return ok({ exitCode, outputs: {}, wallSeconds, cpuSeconds });
    const outputs = await this.#adoptOutputs(request, layout, mounts, scratch);
    return outputs.ok ? ok({ exitCode, outputs: outputs.value, wallSeconds, cpuSeconds }) : outputs;
  }

  /** If an action fails while the disk is full, that is assumed to be the cause. */
  #findNoRoom(): Failure | undefined {
    const detail = shortageAt(this.#store.root);
    return detail === undefined ? undefined : { reason: 'no-room', path: this.#store.root, detail };
  }

  async #adoptOutputs(
    request: ExecuteRequest,
    layout: Layout,
    mounts: readonly NumberedMount[],
    scratch: string,
  ): Promise<Result<Readonly<Record<string, Digest>>, Failure>> {
    const directories: [string, string][] = [];
    for (const [output, place] of Object.entries(layout.outputs)) {
      const holder = mounts.find(({ mount }) => mount.target === place.mount);
      if (holder === undefined) throw new Error(`output ${output} has no mount`);
      const directory = place.united
        ? await findOutput(join(scratch, places.output(output)), '')
        : await findOutput(join(scratch, places.scratch(holder.number)), place.inside);
      if (directory === undefined) {
        const { name: action, log } = request;
        return failed({ reason: 'missing-output', action, output, path: place.path, log: log.place });
      }
      directories.push([output, directory]);
    }
    const outputs: Record<string, Digest> = {};
    for (const [output, directory] of directories) {
      const adopted = await this.#store.adoptTree(directory);
      if (!adopted.ok) return adopted;
      outputs[output] = adopted.value;
    }
    return ok(outputs);
  }
}

function recorderIn(store: Store, tree: Digest): string {
  return join(store.treePath(tree), 'bin/recorder');
}

/** Passes on a finished record. The recorder leaves none if it could not trace the action. */
async function keepRecord({ log }: ExecuteRequest, record: string): Promise<void> {
  await log.keepFile(recordName, record).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
}

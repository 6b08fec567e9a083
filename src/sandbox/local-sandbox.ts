import { createWriteStream } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { finished } from 'node:stream/promises';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Platform } from '../plan/action.ts';
import { catchFailures, errorCode } from '../core/fault.ts';
import { shortageAt } from '../core/room.ts';
import type { Store } from '../store/store.ts';
import { createClashCheck, type ClashCheck } from '../executor/clashes.ts';
import { renderEntryScript } from './entry-script.ts';
import { actionEnvironment, renderEnvironment } from '../executor/environment.ts';
import { recordName, type ExecuteRequest, type Execution, type Executor } from '../executor/executor.ts';
import { layOut, type Layout } from './layout.ts';
import { LineCutter } from '../executor/lines.ts';
import { createForeignCheck, type CopyForeign } from './foreign-trees.ts';
import type { ReadHelperSource } from './helper.ts';
import { ownerOnDisk } from './identity.ts';
import { probeNamespaces, type SandboxMeans } from './namespaces.ts';
import { openWorkDirectories, places, prepare, type NumberedMount } from './prepare.ts';
import { runSandbox } from './sandbox-process.ts';
import { renderScript } from '../executor/script.ts';

export interface LocalExecutorOptions {
  readonly store: Store;
  /** Time of single files that are inputs, in seconds since 1970: the lock's. Undefined: 0. */
  readonly epochSeconds?: number;
  /** Whether unions are overlay mounts where the machine allows them, or always copies. Undefined: `where-allowed`. */
  readonly overlays?: 'where-allowed' | 'never';
  /** Reads the sources of the helper that enters sandboxes. Undefined: they lie beside this module. */
  readonly readHelperSource?: ReadHelperSource;
}

/** Runs actions on this machine, in user, mount, pid, ipc, uts and network namespaces of their own. */
export function createLocalExecutor(options: LocalExecutorOptions): Executor {
  return new LocalExecutor(options);
}

class LocalExecutor implements Executor {
  readonly name = 'local sandbox';
  readonly platform: Platform;
  readonly #options: LocalExecutorOptions;
  readonly #store: Store;
  readonly #clashes: ClashCheck;
  readonly #copyForeign: CopyForeign = createForeignCheck();
  #means: Promise<Result<SandboxMeans, Failure>> | undefined;

  constructor(options: LocalExecutorOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clashes = createClashCheck(options.store);
    this.platform = { os: 'linux', cpu: process.arch === 'x64' ? 'x86_64' : gnuProcessor(process.arch) };
  }

  async check(): Promise<Result<void, Failure>> {
    const means = await this.#findMeans();
    return means.ok ? ok(undefined) : means;
  }

  #findMeans(): Promise<Result<SandboxMeans, Failure>> {
    this.#means ??= catchFailures(this.#store.root, () =>
      probeNamespaces(this.#store, this.#options.overlays ?? 'where-allowed', this.#options.readHelperSource),
    );
    return this.#means;
  }

  async execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    return catchFailures(this.#store.root, () => this.#execute(request));
  }

  async #execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    const means = await this.#findMeans();
    if (!means.ok) return means;
    const clash = await this.#clashes(request.name, request.recipe);
    if (!clash.ok) return clash;
    const layout = await layOut(request.name, request.recipe, this.#store);
    if (!layout.ok) return layout;
    const copied = await this.#copyForeign(layout.value, ownerOnDisk(means.value.identity));
    const scratch = await this.#store.makeScratch(request.name);
    try {
      return await this.#run(request, copied, scratch.path, means.value);
    } finally {
      await openWorkDirectories(copied, scratch.path);
      await scratch.release();
    }
  }

  async #run(
    request: ExecuteRequest,
    layout: Layout,
    scratch: string,
    means: SandboxMeans,
  ): Promise<Result<Execution, Failure>> {
    const { recipe, logDirectory, jobserver, signal } = request;
    const script = renderScript(recipe.commands);
    const environment = actionEnvironment(recipe, jobserver?.tokens);
    await mkdir(logDirectory, { recursive: true });
    await writeFile(join(logDirectory, 'script'), script, { mode: 0o755 });
    await writeFile(join(logDirectory, 'environment'), renderEnvironment(environment));
    const logPath = join(logDirectory, 'log');
    const log = createWriteStream(logPath);
    let logFault: unknown;
    log.on('error', (error) => {
      logFault = error;
    });
    const lines = new LineCutter((line) => request.onLine?.(line));

    const record = join(logDirectory, recordName);
    // The sandbox's user may write in the scratch alone.
    const recordPlace = join(scratch, recordName);
    const mounts = await prepare(layout, script, scratch, this.#options.epochSeconds ?? 0);
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
        overlays: means.overlays,
        jobserver: jobserver !== undefined,
        programs: means.programs,
        ...(request.recorder === undefined
          ? {}
          : { recorder: { program: recorderIn(this.#store, request.recorder), file: recordPlace } }),
      }),
      ...(jobserver === undefined ? {} : { jobserver: jobserver.descriptor }),
      ...(signal === undefined ? {} : { signal }),
      onOutput: (bytes) => {
        log.write(bytes);
        lines.push(bytes);
      },
    });
    const wallSeconds = (performance.now() - started) / 1000;
    lines.end();
    // Of an action that was killed there is none. One that was not recorded keeps what an earlier run left.
    if (request.recorder !== undefined) await keepRecord(recordPlace, record, end.kind === 'ended');
    log.end();
    await finished(log).catch(() => undefined);
    if (logFault !== undefined) {
      return failed({
        reason: 'no-room',
        path: logPath,
        detail: `the log could not be written: ${String(logFault)}`,
      });
    }

    if (end.kind === 'aborted') return failed({ reason: 'interrupted', signal: abortReason(signal) });
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
    const outputs = await this.#adoptOutputs(request, layout, mounts, scratch, logPath);
    return outputs.ok ? ok({ exitCode, outputs: outputs.value, wallSeconds, cpuSeconds }) : outputs;
  }

  /** An action that fails where no room is left is taken to have failed for want of it. */
  #findNoRoom(): Failure | undefined {
    const detail = shortageAt(this.#store.root);
    return detail === undefined ? undefined : { reason: 'no-room', path: this.#store.root, detail };
  }

  async #adoptOutputs(
    request: ExecuteRequest,
    layout: Layout,
    mounts: readonly NumberedMount[],
    scratch: string,
    log: string,
  ): Promise<Result<Readonly<Record<string, Digest>>, Failure>> {
    const directories: [string, string][] = [];
    for (const [output, place] of Object.entries(layout.outputs)) {
      const holder = mounts.find(({ mount }) => mount.target === place.mount);
      if (holder === undefined) throw new Error(`output ${output} has no mount`);
      const directory = place.united
        ? join(scratch, places.output(output))
        : join(scratch, places.scratch(holder.number), place.inside);
      if (!(await isFilledDirectory(directory))) {
        const { name: action } = request;
        return failed({ reason: 'missing-output', action, output, path: place.path, log });
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

/** Puts a finished record in its place. The recorder leaves none where it could not watch. */
async function keepRecord(made: string, record: string, whole: boolean): Promise<void> {
  const unfinished = `${record}.part`;
  if (!whole) return;
  try {
    await copyFile(made, unfinished);
    await rename(unfinished, record);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** Output directories exist from the start, so that an empty one is one that the action did not make. */
async function isFilledDirectory(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isDirectory() === true && (await readdir(path)).length > 0;
}

function abortReason(signal: AbortSignal | undefined): string {
  return typeof signal?.reason === 'string' ? signal.reason : 'SIGINT';
}

function gnuProcessor(nodeName: string): string {
  return { arm64: 'aarch64', ia32: 'i686', ppc64: 'powerpc64le', riscv64: 'riscv64' }[nodeName] ?? nodeName;
}

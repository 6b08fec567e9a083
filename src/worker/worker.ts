import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { catchFailures } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import {
  decodeAction,
  decodeCommand,
  encodeActionResult,
  type CommandMessage,
  type OutputDirectory,
} from '../executor/action-message.ts';
import type { ActionService, BlobCache } from '../executor/action-service.ts';
import { makeFlags } from '../executor/environment.ts';
import { signalName } from '../executor/verify-inputs.ts';
import { renderEntryScript } from '../sandbox/entry-script.ts';
import type { Layout } from '../sandbox/layout.ts';
import { runsProgramsOf } from '../core/foreign-programs.ts';
import { localPlatform } from '../sandbox/local-sandbox.ts';
import { probeNamespaces, type SandboxMeans } from '../sandbox/namespaces.ts';
import { places, prepare } from '../sandbox/prepare.ts';
import { findOutput, makeOutputPath } from '../sandbox/output-directory.ts';
import { runSandbox } from '../sandbox/sandbox-process.ts';
import { decodeTree, digestBytes } from '../store/directory-message.ts';
import { flattenTree } from '../store/flatten.ts';
import type { Store } from '../store/store.ts';
import { digestDirectory } from '../store/tree-digest.ts';
import { BadBlob, needBlob, stageRoot } from './stage-root.ts';

export interface WorkerOptions {
  readonly blobs: BlobCache;
  /** For scratch directories, and for the helper that enters sandboxes. No tree that an action reads is there. */
  readonly disk: Store;
  /** Absolute path of this program's own repository, which has the sources of that helper. */
  readonly repository: string;
  /** Modification time of every input, in seconds since 1970. */
  readonly epochSeconds: number;
}

/**
 * Runs actions given only as messages: `Action`, `Command` and `Directory` by digest from a cache. The input root
 * becomes a directory of its own, which the command sees as `/`, in namespaces like those of the local sandbox; all of
 * it is writable, because these messages cannot say otherwise. Outputs are put into the cache.
 */
export function createWorker(options: WorkerOptions): ActionService {
  return new Worker(options);
}

/** What the kernel provides and no message can contain. */
const kernelParts: Layout = {
  directories: ['/proc', '/dev'],
  links: {},
  texts: {},
  files: {},
  mounts: [],
  outputs: {},
  writable: true,
};

const workerName = 'worker';

class Worker implements ActionService {
  readonly blobs: BlobCache;
  readonly #options: WorkerOptions;
  #means: Promise<Result<SandboxMeans, Failure>> | undefined;

  constructor(options: WorkerOptions) {
    this.blobs = options.blobs;
    this.#options = options;
  }

  async check(): Promise<Result<void, Failure>> {
    const means = await this.#findMeans();
    return means.ok ? ok(undefined) : means;
  }

  #findMeans(): Promise<Result<SandboxMeans, Failure>> {
    const { disk, repository } = this.#options;
    this.#means ??= catchFailures(disk.root, () => probeNamespaces(disk, 'never', repository));
    return this.#means;
  }

  run(action: Digest, signal?: AbortSignal): Promise<Result<Uint8Array, Failure>> {
    return catchFailures(this.#options.disk.root, async () => {
      const means = await this.#findMeans();
      if (!means.ok) return means;
      const scratch = await this.#options.disk.makeScratch(`${workerName}-${action.slice(0, 12)}`);
      try {
        return await this.#run(action, means.value, scratch.path, signal);
      } catch (error) {
        if (error instanceof BadBlob) return broken(error.message);
        throw error;
      } finally {
        await scratch.release();
      }
    });
  }

  async #run(
    digest: Digest,
    means: SandboxMeans,
    scratch: string,
    signal: AbortSignal | undefined,
  ): Promise<Result<Uint8Array, Failure>> {
    const { epochSeconds } = this.#options;
    const action = decodeAction(await needBlob(this.blobs, digest));
    if (action === undefined) throw new BadBlob(digest, 'is not an Action message');
    const command = decodeCommand(await needBlob(this.blobs, action.command));
    if (command === undefined) throw new BadBlob(action.command, 'is not a Command message');
    const { cpu, alsoRuns = [], superuser = false } = action.platform;
    const foreign = cpu === localPlatform().cpu ? alsoRuns.find((other) => !runsProgramsOf(other)) : cpu;
    if (foreign !== undefined) return broken(`no programs of ${foreign} run here`);
    if (superuser) return broken('root may not make devices here');

    const root = join(scratch, places.root);
    await prepare(kernelParts, scratch, epochSeconds);
    await stageRoot(action.inputRoot, root, this.blobs, epochSeconds);
    for (const path of command.outputPaths) {
      if (!(await makeOutputPath(root, dirname(path))))
        throw new BadBlob(action.inputRoot, `has no directory for ${path}`);
    }
    const output: Uint8Array[] = [];
    const end = await runSandbox({
      programs: means.programs,
      helper: means.helper,
      identity: means.identity,
      scratch,
      entryScript: renderEntryScript({
        layout: kernelParts,
        mounts: [],
        scratch,
        // The number of jobs is not part of a message, because it must not be in a digest.
        environment: { MAKEFLAGS: makeFlags(undefined), ...command.environment },
        argv: command.argv,
        overlays: means.overlays,
        jobserver: false,
        programs: means.programs,
      }),
      ...(signal === undefined ? {} : { signal }),
      onOutput: (bytes) => output.push(bytes),
    });
    if (end.kind === 'aborted') return failed({ reason: 'interrupted', signal: signalName(signal) });
    if (end.kind === 'broken') return broken(end.detail);
    const outputs = end.exitCode === 0 ? await this.#upload(command, root) : ok([]);
    if (!outputs.ok) return outputs;
    const stdout = output.length === 0 ? undefined : await this.blobs.put(Buffer.concat(output));
    return ok(
      encodeActionResult({
        outputDirectories: outputs.value,
        exitCode: end.exitCode,
        ...(stdout === undefined ? {} : { stdout }),
      }),
    );
  }

  /** Puts the output directories that exist into the cache. */
  async #upload(command: CommandMessage, root: string): Promise<Result<readonly OutputDirectory[], Failure>> {
    const outputs: OutputDirectory[] = [];
    for (const path of command.outputPaths) {
      const directory = await findOutput(root, path);
      if (directory === undefined) continue;
      // Modes are set on the way, so that everything can be read.
      const digested = await digestDirectory(directory, { normalise: this.#options.epochSeconds });
      if (!digested.ok) return digested;
      const { tree, message } = digested.value;
      const messages = decodeTree(message, tree);
      if (messages === undefined) throw new Error(`a tree was encoded that cannot be decoded: ${tree}`);
      for (const entry of flattenTree(tree, messages)) {
        if (entry.kind === 'file') await this.blobs.put(await readFile(join(directory, entry.path)));
      }
      await this.blobs.put(message);
      outputs.push({ path, tree: digestBytes(message) });
    }
    return ok(outputs);
  }
}

function broken(detail: string): Result<never, Failure> {
  return failed({ reason: 'backend-unreachable', backend: workerName, detail });
}

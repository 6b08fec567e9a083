import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { catchFailures } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import {
  decodeActionResult,
  encodeAction,
  encodeCommand,
  type ActionResultMessage,
} from '../executor/action-message.ts';
import type { ActionService } from '../executor/action-service.ts';
import { recipeEnvironment, renderEnvironment } from '../executor/environment.ts';
import type { ExecuteRequest, Execution, Executor, Reservation } from '../executor/executor.ts';
import { inputRoot, scriptCommand } from '../executor/input-root.ts';
import { filesOf, type LocalFile } from '../executor/input-files.ts';
import { inputTree, type InputTree } from '../executor/input-tree.ts';
import { ListingCache } from '../executor/listings.ts';
import { reservation } from '../executor/reservation.ts';
import { renderScript } from '../executor/script.ts';
import { treesOf, verifyInputs } from '../executor/verify-inputs.ts';
import type { Platform } from '../plan/action.ts';
import { canonicalTree, splitTree } from '../store/canonical-tree.ts';
import { digestBytes } from '../store/directory-message.ts';
import type { Store } from '../store/store.ts';

export interface MessageExecutorOptions {
  /** For messages. */
  readonly name: string;
  readonly store: Store;
  readonly service: ActionService;
  /** The platform whose programs the service runs. */
  readonly platform: Platform;
  /** Number of concurrent actions. */
  readonly slots: number;
}

/**
 * Runs actions on a service that receives only messages and blobs by digest: sends the blobs of the input root that the
 * service lacks, and takes the outputs into the local store.
 */
export function createMessageExecutor(options: MessageExecutorOptions): Executor {
  return new MessageExecutor(options);
}

class MessageExecutor implements Executor {
  readonly name: string;
  readonly #options: MessageExecutorOptions;
  readonly #listings: ListingCache;
  readonly #listeners = new Set<() => void>();
  #taken = 0;

  constructor(options: MessageExecutorOptions) {
    this.name = options.name;
    this.#options = options;
    this.#listings = new ListingCache(options.store);
  }

  supports({ os, cpu, alsoRuns = [], superuser = false }: Platform): boolean {
    const { platform } = this.#options;
    return (
      platform.os === os &&
      platform.cpu === cpu &&
      (!superuser || platform.superuser === true) &&
      alsoRuns.every((other) => platform.alsoRuns?.includes(other) ?? false)
    );
  }

  check(): Promise<Result<void, Failure>> {
    return this.#options.service.check();
  }

  tryReserve(): Reservation | undefined {
    if (this.#taken >= this.#options.slots) return undefined;
    this.#taken += 1;
    return reservation(() => {
      this.#taken -= 1;
      for (const listener of this.#listeners) listener();
    });
  }

  onRoom(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    return catchFailures(this.#options.store.root, () => this.#execute(request));
  }

  async #execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    const { store, service } = this.#options;
    const { name, recipe, log, signal } = request;
    const verified = await verifyInputs(store, request);
    if (!verified.ok) return verified;
    const listings = await this.#listings.load(treesOf(recipe));
    const root = inputRoot(name, recipe, listings);
    if (!root.ok) return root;
    const environment = recipeEnvironment(recipe);
    const tree = inputTree(root.value, listings);
    const command = encodeCommand({
      argv: scriptCommand,
      environment,
      outputPaths: Object.values(recipe.outputs).map(relative),
    });
    const action = encodeAction({
      command: digestBytes(command),
      inputRoot: tree.tree,
      platform: recipe.platform,
    });
    const gone = await this.#send([command, action], tree, filesOf(recipe, listings, store));
    if (gone.length > 0) return failed({ reason: 'inputs-gone', action: name, trees: gone });

    await request.onStart?.();
    await log.keep('script', renderScript(recipe.commands));
    await log.keep('environment', renderEnvironment(environment));
    const started = performance.now();
    const ran = await service.run(digestBytes(action), signal);
    const wallSeconds = (performance.now() - started) / 1000;
    if (!ran.ok) {
      await log.close();
      return ran;
    }
    const result = decodeActionResult(ran.value);
    if (result === undefined) return this.#broken('its response is not an ActionResult message');
    const printed = result.stdout === undefined ? new Uint8Array() : await service.blobs.get(result.stdout);
    if (printed === undefined) return this.#broken('it lost the text that the action printed');
    log.write(printed);
    const logged = await log.close();
    if (!logged.ok) return logged;
    if (result.exitCode !== 0) return ok({ exitCode: result.exitCode, outputs: {}, wallSeconds });
    const outputs = await this.#takeOutputs(request, result);
    return outputs.ok ? ok({ exitCode: 0, outputs: outputs.value, wallSeconds }) : outputs;
  }

  /** Sends what the service does not have. Returns the trees whose files no longer match. */
  async #send(
    messages: readonly Uint8Array[],
    tree: InputTree,
    files: ReadonlyMap<Digest, LocalFile>,
  ): Promise<readonly Digest[]> {
    const { blobs } = this.#options.service;
    const made = new Map(messages.map((bytes) => [digestBytes(bytes), bytes]));
    const contents = tree.entries.flatMap((entry) => (entry.kind === 'file' ? [entry.digest] : []));
    const wanted = new Set([...made.keys(), ...tree.messages.keys(), ...contents]);
    for (const blob of await blobs.missing(wanted)) {
      const bytes = made.get(blob) ?? tree.messages.get(blob) ?? tree.texts.get(blob);
      const file = files.get(blob);
      if (bytes === undefined && file === undefined) throw new Error(`no bytes of ${blob} are known`);
      const read = bytes ?? (file === undefined ? undefined : await readFile(file.path));
      if (read === undefined || (await blobs.put(read)) !== blob)
        return file?.tree === undefined ? [] : [file.tree];
    }
    return [];
  }

  /** Takes the trees of all outputs into the store. */
  async #takeOutputs(
    { name, recipe, log }: ExecuteRequest,
    result: ActionResultMessage,
  ): Promise<Result<Execution['outputs'], Failure>> {
    const { store, service } = this.#options;
    const found = new Map(result.outputDirectories.map(({ path, tree }) => [path, tree]));
    const outputs: Record<string, Digest> = {};
    for (const [output, path] of Object.entries(recipe.outputs)) {
      const message = found.get(relative(path));
      const bytes = message === undefined ? undefined : await service.blobs.get(message);
      if (message !== undefined && bytes === undefined) return this.#broken(`it lost the output ${output}`);
      const parts = bytes === undefined ? undefined : splitTree(bytes);
      const tree = parts === undefined ? undefined : canonicalTree(digestBytes(parts[0]), parts);
      if (bytes !== undefined && tree === undefined)
        return this.#broken(`the output ${output} is not a Tree message`);
      // An output directory exists from the start, so an empty one counts as not made by the action.
      if (tree === undefined || tree.tree === emptyTree) {
        return failed({ reason: 'missing-output', action: name, output, path, log: log.place });
      }
      const put = await store.putTree(tree, async (blob) => {
        const content = await service.blobs.get(blob);
        if (content === undefined) throw new Error(`${this.name} lost the file ${blob}`);
        return content;
      });
      if (!put.ok) return put;
      outputs[output] = tree.tree;
    }
    return ok(outputs);
  }

  #broken(detail: string): Result<never, Failure> {
    return failed({ reason: 'backend-unreachable', backend: this.name, detail });
  }
}

const emptyTree = digestBytes(new Uint8Array());

function relative(path: string): string {
  return path.slice(1);
}

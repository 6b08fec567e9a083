import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { digestParts, type Digest } from '../core/digest.ts';
import { eachOf } from '../core/each-of.ts';
import type { CachedAction, ResultCache } from '../engine/result-cache.ts';
import { Slots } from '../sources/slots.ts';
import { canonicalTree, splitTree } from '../store/canonical-tree.ts';
import { digestBytes } from '../store/directory-message.ts';
import type { ActionResult, Store } from '../store/store.ts';
import { decodeResult, encodeResult, sumOf, type CachedResult } from './cached-result.ts';
import { HttpPlace, type Content, type HttpPlaceOptions } from './http-place.ts';

export interface HttpCacheOptions extends Omit<HttpPlaceOptions, 'onTrouble'> {
  readonly store: Store;
  /** Whether results that are made here are given to others. */
  readonly write: boolean;
  /** Tells the user, once for each kind of trouble. */
  readonly say: (text: string) => void;
}

/** An entry names a handful of directories. */
const largestEntry = 1 << 20;
/** A list of a million files has about 100 MB. */
const largestList = 256 * 2 ** 20;
/** How many results are on their way to the cache at once, and how many files of each. */
const resultsAtOnce = 2;
const filesAtOnce = 8;

/**
 * A cache as Bazel and ccache use it over HTTP: entries at `ac/KEY`, files and lists of files at `cas/SHA256`. Entries are named by
 * our keys. A server that does not answer is left alone for the rest of the run.
 */
export function createHttpCache(options: HttpCacheOptions): ResultCache & { close(): Promise<void> } {
  return new HttpCache(options);
}

class HttpCache implements ResultCache {
  readonly #store: Store;
  readonly #place: HttpPlace;
  readonly #say: (text: string) => void;
  readonly #slots = new Slots(resultsAtOnce);
  /** The message `Tree` of trees that were found. */
  readonly #messages = new Map<Digest, Digest>();
  readonly #told = new Set<string>();
  #writes: boolean;

  constructor(options: HttpCacheOptions) {
    this.#store = options.store;
    this.#writes = options.write;
    this.#say = options.say;
    this.#place = new HttpPlace({
      ...options,
      onTrouble: (why) => this.#tell(`the cache is not asked any more: ${why}`),
    });
  }

  close(): Promise<void> {
    return this.#place.close();
  }

  async find(
    { key, recipe }: CachedAction,
    signal: AbortSignal | undefined,
  ): Promise<CachedResult | undefined> {
    const bytes = await this.#place.get(`ac/${key}`, largestEntry, signal);
    if (bytes === undefined) return undefined;
    const result = decodeResult(recipe, bytes);
    if (result === undefined) this.#tell('some of its entries are no results of ours; they are left alone');
    for (const [root, message] of result?.messages ?? []) this.#messages.set(root, message);
    return result;
  }

  async bring(action: CachedAction, tree: Digest, signal: AbortSignal): Promise<boolean> {
    // It may have been found in an earlier run.
    if (!this.#messages.has(tree)) await this.find(action, signal);
    const message = this.#messages.get(tree);
    const bytes = message === undefined ? undefined : await this.#blob(message, largestList, signal);
    const parts = bytes === undefined ? undefined : splitTree(bytes);
    if (parts === undefined) return false;
    const encoded = canonicalTree(digestBytes(parts[0]), parts);
    if (encoded?.tree !== tree) {
      this.#tell('it has lists of files that are not what they should be; they are left alone');
      return false;
    }
    try {
      const put = await this.#store.putTree(encoded, async (blob) => {
        const content = await this.#blob(blob, Infinity, signal);
        if (content === undefined) throw new MissingBlob();
        return content;
      });
      return put.ok;
    } catch (error) {
      if (error instanceof MissingBlob) return false;
      throw error;
    }
  }

  async publish(action: CachedAction, result: ActionResult, signal: AbortSignal): Promise<void> {
    if (!this.#writes) return;
    await this.#slots.run(async () => {
      const messages = new Map<Digest, Digest>();
      for (const [name, tree] of Object.entries(result.outputs)) {
        if (result.scratch?.includes(name) === true) continue;
        const message = await this.#send(tree, signal);
        if (message === undefined) return;
        messages.set(tree, message);
      }
      await this.#put(`ac/${action.key}`, encodeResult(action.recipe, result, messages), signal);
    });
  }

  /** Sends a tree, its files first. Returns the digest of its message; undefined: the cache does not take it. */
  async #send(tree: Digest, signal: AbortSignal): Promise<Digest | undefined> {
    const message = await this.#store.treeMessage(tree);
    if (message === undefined) return undefined;
    const files = new Map<Digest, string>();
    for (const entry of await this.#store.listTree(tree))
      if (entry.kind === 'file') files.set(entry.digest, join(this.#store.treePath(tree), entry.path));
    await eachOf([...files], filesAtOnce, async ([blob, file]) => {
      const { size } = digestParts(blob);
      if (!this.#writes || size === 0 || (await this.#place.has(`cas/${sumOf(blob)}`, signal))) return;
      await this.#put(`cas/${sumOf(blob)}`, { open: () => createReadStream(file), size }, signal);
    });
    const digest = digestBytes(message);
    return (await this.#put(`cas/${sumOf(digest)}`, message, signal)) ? digest : undefined;
  }

  async #put(name: string, content: Content, signal: AbortSignal): Promise<boolean> {
    if (!this.#writes) return false;
    const refusal = await this.#place.put(name, content, signal);
    if (refusal === undefined) return true;
    if (signal.aborted) return false;
    this.#writes = false;
    this.#tell(`it takes no results: ${refusal}`);
    return false;
  }

  /** Bytes that are what their name says. */
  async #blob(blob: Digest, most: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { size } = digestParts(blob);
    if (size > most) return undefined;
    // Servers need not have it.
    if (size === 0) return new Uint8Array();
    const bytes = await this.#place.get(`cas/${sumOf(blob)}`, size, signal);
    if (bytes === undefined) return undefined;
    if (digestBytes(bytes) === blob) return bytes;
    this.#tell('it has files that are not what their names say; they are left alone');
    return undefined;
  }

  #tell(what: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#say(`cache ${this.#place.shown}: ${what}`);
  }
}

/** Ends the making of a tree. */
class MissingBlob extends Error {}

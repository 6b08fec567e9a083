import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, lutimes, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseJson } from '../core/json.ts';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Key } from '../plan/names.ts';
import { decodeTree, digestBytes } from './directory-message.ts';
import { catchFailures, describeSystemError, errorCode, StoreFault, throwFaults } from '../core/fault.ts';
import { flattenTree } from './flatten.ts';
import { makeDirectory } from '../core/make-directory.ts';
import { noteFile, parseResult } from './records.ts';
import { removeForcibly } from './remove.ts';
import { findAbandoned, scratchName } from './scratch.ts';
import type { ActionResult, NoteKind, Scratch, Store, TreeEntry } from './store.ts';
import { digestDirectory, digestFile, type DigestedDirectory } from './tree-digest.ts';

export interface DiskStoreOptions {
  /** Directory of the store; made when missing. */
  readonly root: string;
  /** Modification time of everything in trees: seconds since 1970. */
  readonly epochSeconds: number;
  /** Told before leftovers of killed processes are removed, with how many there are: large trees take a while. */
  readonly onSweep?: (leftovers: number) => void;
}

const directories = ['trees', 'blobs', 'results', 'notes', 'logs', 'scratch', 'damaged'] as const;

/** What the system says of a path at which there can be no directory. */
const unusable: ReadonlySet<string> = new Set(['EEXIST', 'ENOTDIR', 'ELOOP', 'ENOENT', 'ENAMETOOLONG']);

/**
 * Opens a store on disk, makes what is missing of it, and removes what killed processes left.
 * Fails with `unwritable` or `no-room`.
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<Result<Store, Failure>> {
  const { root } = options;
  try {
    for (const name of directories) await makeDirectory(join(root, name));
    await access(join(root, 'scratch'), constants.W_OK | constants.X_OK);
    const damaged = join(root, 'damaged');
    const leftovers = [
      ...(await findAbandoned(join(root, 'scratch'))),
      ...(await readdir(damaged)).map((name) => join(damaged, name)),
    ];
    if (leftovers.length > 0) options.onSweep?.(leftovers.length);
    for (const path of leftovers) await removeForcibly(path);
  } catch (error) {
    const failure = describeSystemError(error, root);
    if (failure !== undefined) return failed(failure);
    // Something that is not a directory stands where one should be, or none can be made there (ENOENT: as in /proc).
    if (error instanceof Error && unusable.has(errorCode(error) ?? '')) {
      return failed({ reason: 'unwritable', path: root, detail: error.message });
    }
    throw error;
  }
  return ok(new DiskStore(options));
}

/**
 * Layout: `trees/D/` beside `trees/D.directory` (its `Tree` message), `blobs/D`, `results/KEY.json`,
 * `notes/KIND/NAME.json`, `logs/KEY/`, `scratch/`, `damaged/`. A tree counts when both its parts are there;
 * the message is written first and removed last.
 *
 * The files of trees are not forced to disk: that would cost minutes on large sources. What a power cut
 * damages there, `verifyTree` notices.
 */
class DiskStore implements Store {
  readonly root: string;
  readonly #epochSeconds: number;
  readonly #verifiedTrees = new Map<Digest, Promise<Result<void, Failure>>>();
  readonly #verifiedBlobs = new Map<Digest, Promise<boolean>>();

  constructor(options: DiskStoreOptions) {
    this.root = options.root;
    this.#epochSeconds = options.epochSeconds;
  }

  async hasTree(tree: Digest): Promise<boolean> {
    const [directory, message] = await Promise.all([
      statOrUndefined(this.treePath(tree)),
      statOrUndefined(this.#messagePath(tree)),
    ]);
    return directory?.isDirectory() === true && message?.isFile() === true;
  }

  treePath(tree: Digest): string {
    return join(this.root, 'trees', tree);
  }

  #messagePath(tree: Digest): string {
    return join(this.root, 'trees', `${tree}.directory`);
  }

  /** Throws a `StoreFault` of reason `damaged-tree` when the message is missing or malformed. */
  async listTree(tree: Digest): Promise<readonly TreeEntry[]> {
    const bytes = await readOrUndefined(this.#messagePath(tree));
    const messages = bytes === undefined ? undefined : decodeTree(bytes, tree);
    if (messages === undefined)
      throw new StoreFault(damaged(tree, 'its list of files is missing or damaged'));
    return flattenTree(tree, messages);
  }

  async digestTree(directory: string): Promise<Result<Digest, Failure>> {
    const digested = await digestDirectory(directory);
    return digested.ok ? ok(digested.value.tree) : digested;
  }

  async adoptTree(directory: string): Promise<Result<Digest, Failure>> {
    return catchFailures(directory, async () => {
      const digested = await digestDirectory(directory, { normalise: this.#epochSeconds });
      if (!digested.ok) return digested;
      const { tree, message } = digested.value;
      if (await this.hasTree(tree)) {
        await removeForcibly(directory);
        return ok(tree);
      }
      await this.#write(this.#messagePath(tree), message, false);
      try {
        await rename(directory, this.treePath(tree));
        this.#verifiedTrees.set(tree, Promise.resolve(ok(undefined)));
      } catch (error) {
        // Another process was faster with the same tree; which of the two stays does not matter.
        if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '')) throw error;
        await removeForcibly(directory);
      }
      return ok(tree);
    });
  }

  verifyTree(tree: Digest): Promise<Result<void, Failure>> {
    const known = this.#verifiedTrees.get(tree);
    if (known !== undefined) return known;
    const verdict = catchFailures(this.treePath(tree), () => this.#verifyNow(tree));
    this.#verifiedTrees.set(tree, verdict);
    const forget = (): void => {
      if (this.#verifiedTrees.get(tree) === verdict) this.#verifiedTrees.delete(tree);
    };
    // Only success is remembered: the tree may be made again.
    verdict.then((result) => {
      if (!result.ok) forget();
    }, forget);
    return verdict;
  }

  async #verifyNow(tree: Digest): Promise<Result<void, Failure>> {
    const fault = await this.#findDamage(tree);
    if (fault === undefined) return ok(undefined);
    if (typeof fault !== 'string') return failed(fault);
    await this.removeTree(tree);
    return failed(damaged(tree, fault));
  }

  /** What is wrong with a tree, as words, or why it cannot be told. Puts times and modes right on the way. */
  async #findDamage(tree: Digest): Promise<string | Failure | undefined> {
    if ((await statOrUndefined(this.treePath(tree))) === undefined) return 'it is missing';
    let digested: Result<DigestedDirectory, Failure>;
    try {
      digested = await digestDirectory(this.treePath(tree), { normalise: this.#epochSeconds });
    } catch (error) {
      // ENOENT: another process throws it away at this moment. EIO, EUCLEAN: the disk is bad.
      const code = errorCode(error) ?? '';
      if (!['ENOENT', 'EIO', 'EUCLEAN'].includes(code)) throw error;
      return `it cannot be read (${code})`;
    }
    if (!digested.ok) {
      const { failure } = digested;
      return failure.reason === 'unfit-tree' ? `${failure.path} ${failure.why}` : failure;
    }
    if (digested.value.tree !== tree) return `its files have the digest ${digested.value.tree}`;
    const message = await readOrUndefined(this.#messagePath(tree));
    if (message === undefined) return 'its list of files is missing';
    return message.equals(digested.value.message) ? undefined : 'its list of files is damaged';
  }

  async removeTree(tree: Digest): Promise<void> {
    await throwFaults(this.treePath(tree), async () => {
      this.#verifiedTrees.delete(tree);
      await this.#moveAway(this.treePath(tree), tree);
      await rm(this.#messagePath(tree), { force: true });
    });
  }

  /** Renames first, so that nobody sees a thing half removed. */
  async #moveAway(path: string, name: string): Promise<void> {
    const away = join(this.root, 'damaged', `${name}-${randomBytes(6).toString('hex')}`);
    try {
      await rename(path, away);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    await removeForcibly(away);
  }

  /** A blob is read in full once for each store object; a damaged one is removed and does not count. */
  hasBlob(blob: Digest): Promise<boolean> {
    const known = this.#verifiedBlobs.get(blob);
    if (known !== undefined) return known;
    const verdict = this.#verifyBlob(blob);
    this.#verifiedBlobs.set(blob, verdict);
    const forget = (): void => {
      if (this.#verifiedBlobs.get(blob) === verdict) this.#verifiedBlobs.delete(blob);
    };
    verdict.then((good) => {
      if (!good) forget();
    }, forget);
    return verdict;
  }

  async #verifyBlob(blob: Digest): Promise<boolean> {
    const path = this.blobPath(blob);
    if ((await statOrUndefined(path)) === undefined) return false;
    if ((await digestFile(path)) === blob) return true;
    await this.#moveAway(path, blob);
    return false;
  }

  blobPath(blob: Digest): string {
    return join(this.root, 'blobs', blob);
  }

  async putBlob(bytes: Uint8Array): Promise<Digest> {
    const blob = digestBytes(bytes);
    if (await this.hasBlob(blob)) return blob;
    await throwFaults(this.blobPath(blob), () => this.#write(this.blobPath(blob), bytes, true));
    this.#verifiedBlobs.set(blob, Promise.resolve(true));
    return blob;
  }

  async adoptBlob(file: string, expected?: Digest): Promise<Result<Digest, Failure>> {
    return catchFailures(file, async () => {
      const actual = await digestFile(file);
      if (expected !== undefined && actual !== expected) {
        return failed({ reason: 'wrong-hash', source: file, origin: file, expected, actual });
      }
      await chmod(file, 0o644);
      await lutimes(file, this.#epochSeconds, this.#epochSeconds);
      await syncFile(file);
      await rename(file, this.blobPath(actual));
      this.#verifiedBlobs.set(actual, Promise.resolve(true));
      return ok(actual);
    });
  }

  async getResult(key: Key): Promise<ActionResult | undefined> {
    const bytes = await readOrUndefined(join(this.root, 'results', `${key}.json`));
    return bytes === undefined ? undefined : parseResult(bytes.toString());
  }

  async putResult(key: Key, result: ActionResult): Promise<void> {
    await this.#writeJson(join(this.root, 'results', `${key}.json`), result, true);
  }

  async getNote(kind: NoteKind, name: string): Promise<unknown> {
    const bytes = await readOrUndefined(join(this.root, 'notes', kind, noteFile(name)));
    return bytes === undefined ? undefined : parseJson(bytes.toString());
  }

  async putNote(kind: NoteKind, name: string, value: unknown): Promise<void> {
    await this.#writeJson(join(this.root, 'notes', kind, noteFile(name)), value, false);
  }

  async makeScratch(purpose: string): Promise<Scratch> {
    const path = join(this.root, 'scratch', scratchName(purpose));
    await throwFaults(path, () => mkdir(path));
    return { path, release: () => removeForcibly(path) };
  }

  async logDirectory(key: Key): Promise<string> {
    const path = join(this.root, 'logs', key);
    await throwFaults(path, () => makeDirectory(path));
    return path;
  }

  async #writeJson(path: string, value: unknown, durable: boolean): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
    await throwFaults(path, async () => {
      await makeDirectory(dirname(path));
      await this.#write(path, bytes, durable);
    });
  }

  /** Writes a file beside its place and renames it; `durable` forces the bytes to disk before. */
  async #write(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
    const temporary = join(this.root, 'scratch', scratchName('write'));
    try {
      const file = await open(temporary, 'wx', 0o644);
      try {
        await file.writeFile(bytes);
        if (durable) await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

function damaged(tree: Digest, detail: string): Failure {
  return { reason: 'damaged-tree', digest: tree, detail };
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function statOrUndefined(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

async function readOrUndefined(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

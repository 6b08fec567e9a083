import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import { eachOf } from '../core/each-of.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { EncodedTree } from './canonical-tree.ts';
import { decodeDirectory, decodeTree, type DirectoryMessage } from './directory-message.ts';
import { moveAway, readOrUndefined, statOrUndefined, storeFault, touch, writeWhole } from './disk-files.ts';
import { catchFailures, errorCode, StoreFault, throwFaults } from '../core/fault.ts';
import { flattenTree } from './flatten.ts';
import type { Lease } from './lease.ts';
import { removeForcibly } from './remove.ts';
import { scratchName } from './scratch.ts';
import type { Bytes, TreeEntry } from './store.ts';
import { digestDirectory, type DigestedDirectory } from './tree-digest.ts';

/**
 * Trees of a store on disk: `trees/D/` beside `trees/D.directory` (its `Tree` message), whose modification time is the
 * time of last use. A tree exists if both parts exist; the message is written first and removed last.
 *
 * The files of trees are not flushed to disk, because that would cost minutes on large sources. Damage by a power
 * failure is found by `verify`.
 */
export class DiskTrees {
  readonly #root: string;
  readonly #epochSeconds: number;
  readonly #lease: Lease;
  readonly #verified = new Map<Digest, Promise<Result<void, Failure>>>();

  constructor(root: string, epochSeconds: number, lease: Lease) {
    this.#root = root;
    this.#epochSeconds = epochSeconds;
    this.#lease = lease;
  }

  path(tree: Digest): string {
    return join(this.#root, 'trees', tree);
  }

  #messagePath(tree: Digest): string {
    return join(this.#root, 'trees', `${tree}.directory`);
  }

  /** Whether a tree exists; if so, it is kept until the lease ends. */
  async has(tree: Digest): Promise<boolean> {
    if (!this.#lies(tree)) return false;
    await this.#lease.hold(tree);
    return this.#lies(tree);
  }

  #lies(tree: Digest): boolean {
    const message = statOrUndefined(this.#messagePath(tree));
    return message?.isFile() === true && statOrUndefined(this.path(tree))?.isDirectory() === true;
  }

  /** Throws a `StoreFault` with reason `damaged-tree` if the message is missing or malformed. */
  async list(tree: Digest): Promise<readonly TreeEntry[]> {
    const bytes = await readOrUndefined(this.#messagePath(tree));
    const messages = bytes === undefined ? undefined : decodeTree(bytes, tree);
    if (messages === undefined)
      throw new StoreFault(damaged(tree, 'its list of files is missing or damaged'));
    return flattenTree(tree, messages);
  }

  message(tree: Digest): Promise<Uint8Array | undefined> {
    return readOrUndefined(this.#messagePath(tree));
  }

  adopt(directory: string): Promise<Result<Digest, Failure>> {
    return catchFailures(directory, async () => {
      const digested = await digestDirectory(directory, { normalise: this.#epochSeconds });
      if (!digested.ok) return digested;
      const { tree, message } = digested.value;
      if (await this.has(tree)) {
        await removeForcibly(directory);
        return ok(tree);
      }
      await this.#lease.hold(tree);
      await writeWhole(this.#root, this.#messagePath(tree), message, false);
      try {
        await rename(directory, this.path(tree));
        this.#verified.set(tree, Promise.resolve(ok(undefined)));
      } catch (error) {
        // Another process stored the same tree first; it does not matter which of the two is kept.
        if (!['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? ''))
          throw storeFault(error, this.path(tree));
        await removeForcibly(directory);
      }
      return ok(tree);
    });
  }

  async put(
    { tree, messages }: EncodedTree,
    read: (blob: Digest) => Promise<Bytes>,
  ): Promise<Result<void, Failure>> {
    if (await this.has(tree)) return ok(undefined);
    const scratch = join(this.#root, 'scratch', scratchName('put'));
    const decoded = new Map<Digest, DirectoryMessage>();
    for (const [digest, bytes] of messages) {
      const message = decodeDirectory(bytes);
      if (message === undefined)
        return failed(damaged(tree, `the message of directory ${digest} is malformed`));
      decoded.set(digest, message);
    }
    return catchFailures(scratch, async () => {
      try {
        const directory = join(scratch, 'tree');
        await mkdir(directory, { recursive: true });
        await writeEntries(directory, flattenTree(tree, decoded), read);
        const adopted = await this.adopt(directory);
        if (!adopted.ok) return adopted;
        if (adopted.value === tree) return ok(undefined);
        await this.remove(adopted.value);
        return failed(damaged(tree, `its files have the digest ${adopted.value}`));
      } finally {
        await removeForcibly(scratch);
      }
    });
  }

  verify(tree: Digest): Promise<Result<void, Failure>> {
    const known = this.#verified.get(tree);
    if (known !== undefined) return known;
    const verdict = catchFailures(this.path(tree), () => this.#verifyNow(tree));
    this.#verified.set(tree, verdict);
    const forget = (): void => {
      if (this.#verified.get(tree) === verdict) this.#verified.delete(tree);
    };
    // Only success is remembered, because a damaged tree may be made again.
    verdict.then((result) => {
      if (!result.ok) forget();
    }, forget);
    return verdict;
  }

  async #verifyNow(tree: Digest): Promise<Result<void, Failure>> {
    await this.#lease.hold(tree);
    const fault = await findDamage(this.#root, tree, this.#epochSeconds);
    if (fault === undefined) {
      touch(this.#messagePath(tree));
      return ok(undefined);
    }
    if (typeof fault !== 'string') return failed(fault);
    await this.remove(tree);
    return failed(damaged(tree, fault));
  }

  async remove(tree: Digest): Promise<void> {
    this.forget(tree);
    await throwFaults(this.path(tree), async () => {
      await moveAway(this.#root, this.path(tree), tree);
      await rm(this.#messagePath(tree), { force: true });
    });
  }

  /** Makes the next use of a tree (all trees if undefined) read it again. */
  forget(tree?: Digest): void {
    if (tree === undefined) this.#verified.clear();
    else this.#verified.delete(tree);
  }
}

/**
 * What is wrong with a tree, or why that cannot be determined, in words; undefined: nothing.
 *
 * @param normalise seconds since 1970: also corrects times and modes. Undefined: changes nothing.
 */
export async function findDamage(
  root: string,
  tree: Digest,
  normalise?: number,
): Promise<string | Failure | undefined> {
  const path = join(root, 'trees', tree);
  if (statOrUndefined(path) === undefined) return 'it is missing';
  let digested: Result<DigestedDirectory, Failure>;
  try {
    digested = await digestDirectory(path, normalise === undefined ? {} : { normalise });
  } catch (error) {
    // ENOENT: another process is removing it at this moment. EIO, EUCLEAN: the disk is faulty.
    const code = errorCode(error) ?? '';
    if (!['ENOENT', 'EIO', 'EUCLEAN'].includes(code)) throw error;
    return `it cannot be read (${code})`;
  }
  if (!digested.ok) {
    const { failure } = digested;
    return failure.reason === 'unfit-tree' ? `${failure.path} ${failure.why}` : failure;
  }
  if (digested.value.tree !== tree) return `its files have the digest ${digested.value.tree}`;
  const message = await readOrUndefined(`${path}.directory`);
  if (message === undefined) return 'its list of files is missing';
  return message.equals(digested.value.message) ? undefined : 'its list of files is damaged';
}

/** As many as are on their way together from a cache that is far away. */
const filesAtOnce = 16;

/**
 * Writes the contents of a tree into an empty directory. The bytes of a file are requested once, however often it
 * occurs.
 */
async function writeEntries(
  directory: string,
  entries: readonly TreeEntry[],
  read: (blob: Digest) => Promise<Bytes>,
): Promise<void> {
  const places = new Map<Digest, { readonly path: string; readonly executable: boolean }[]>();
  for (const entry of entries) {
    const path = join(directory, entry.path);
    if (entry.kind === 'directory') await mkdir(path);
    else if (entry.kind === 'symlink') await symlink(entry.target, path);
    else {
      const known = places.get(entry.digest) ?? [];
      known.push({ path, executable: entry.executable });
      places.set(entry.digest, known);
    }
  }
  await eachOf([...places], filesAtOnce, async ([blob, files]) => {
    const [first, ...others] = files;
    if (first === undefined) return;
    await writeFile(first.path, await read(blob));
    for (const { path, executable } of others) {
      await copyFile(first.path, path, constants.COPYFILE_FICLONE);
      await chmod(path, executable ? 0o755 : 0o644);
    }
    await chmod(first.path, first.executable ? 0o755 : 0o644);
  });
}

function damaged(tree: Digest, detail: string): Failure {
  return { reason: 'damaged-tree', digest: tree, detail };
}

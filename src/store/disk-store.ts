import { constants } from 'node:fs';
import { access, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Key } from '../plan/names.ts';
import type { EncodedTree } from './canonical-tree.ts';
import { DiskBlobs } from './disk-blobs.ts';
import { DiskRecords } from './disk-records.ts';
import { DiskTrees } from './disk-trees.ts';
import { describeSystemError, errorCode, throwFaults } from '../core/fault.ts';
import { Lease } from './lease.ts';
import { makeDirectory } from '../core/make-directory.ts';
import { removeAbandonedLocks } from '../core/process-lock.ts';
import { keptPath, openKept, removeKept } from './kept.ts';
import { removeForcibly } from './remove.ts';
import { findAbandoned, scratchName } from './scratch.ts';
import type { ActionResult, Bytes, Kept, NoteKind, Scratch, Store, TreeEntry } from './store.ts';
import { digestDirectory } from './tree-digest.ts';

export interface DiskStoreOptions {
  /** Directory of the store; created if missing. */
  readonly root: string;
  /** Modification time of everything in trees: seconds since 1970. */
  readonly epochSeconds: number;
  /** Called before leftovers of killed processes are removed, with their number: removing large trees takes a while. */
  readonly onSweep?: (leftovers: number) => void;
}

const directories = [
  'trees',
  'blobs',
  'results',
  'notes',
  'logs',
  'scratch',
  'kept',
  'damaged',
  'locks',
  'leases',
] as const;

/** Error codes of the system for a path at which there can be no directory. */
const unusable: ReadonlySet<string> = new Set(['EEXIST', 'ENOTDIR', 'ELOOP', 'ENOENT', 'ENAMETOOLONG']);

/**
 * Opens a store on disk, creates what is missing of it, and removes leftovers of killed processes. Fails with
 * `unwritable` or `no-room`.
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<Result<Store, Failure>> {
  const { root } = options;
  let at = root;
  try {
    for (const name of directories) {
      makeDirectory(join(root, name));
      at = join(root, name);
      await access(at, constants.W_OK | constants.X_OK);
    }
    for (const path of await findAbandoned(join(root, 'leases'))) await rm(path, { force: true });
    await removeAbandonedLocks(join(root, 'locks'));
    const damaged = join(root, 'damaged');
    const leftovers = [
      ...(await findAbandoned(join(root, 'scratch'))),
      ...(await readdir(damaged)).map((name) => join(damaged, name)),
    ];
    if (leftovers.length > 0) options.onSweep?.(leftovers.length);
    for (const path of leftovers) await removeForcibly(path);
  } catch (error) {
    // Something other than a directory is in its place, or no directory can be created there (ENOENT: as in /proc).
    if (error instanceof Error && unusable.has(errorCode(error) ?? '')) {
      return failed({ reason: 'unwritable', path: root, detail: error.message });
    }
    const failure = describeSystemError(error, at);
    if (failure !== undefined) return failed(failure);
    throw error;
  }
  return ok(new DiskStore(options));
}

/**
 * Layout: see docs/store.md. What this object has returned, or reported as present, is held by a lease, so that the
 * collector does not remove it while this process lives.
 */
class DiskStore implements Store {
  readonly root: string;
  readonly #lease: Lease;
  readonly #trees: DiskTrees;
  readonly #blobs: DiskBlobs;
  readonly #records: DiskRecords;

  constructor({ root, epochSeconds }: DiskStoreOptions) {
    this.root = root;
    this.#lease = new Lease(root);
    this.#trees = new DiskTrees(root, epochSeconds, this.#lease);
    this.#blobs = new DiskBlobs(root, epochSeconds, this.#lease);
    this.#records = new DiskRecords(root, this.#lease);
  }

  hasTree(tree: Digest): Promise<boolean> {
    return this.#trees.has(tree);
  }

  treePath(tree: Digest): string {
    return this.#trees.path(tree);
  }

  listTree(tree: Digest): Promise<readonly TreeEntry[]> {
    return this.#trees.list(tree);
  }

  treeMessage(tree: Digest): Promise<Uint8Array | undefined> {
    return this.#trees.message(tree);
  }

  putTree(tree: EncodedTree, read: (blob: Digest) => Promise<Bytes>): Promise<Result<void, Failure>> {
    return this.#trees.put(tree, read);
  }

  async digestTree(directory: string): Promise<Result<Digest, Failure>> {
    const digested = await digestDirectory(directory);
    return digested.ok ? ok(digested.value.tree) : digested;
  }

  adoptTree(directory: string): Promise<Result<Digest, Failure>> {
    return this.#trees.adopt(directory);
  }

  verifyTree(tree: Digest): Promise<Result<void, Failure>> {
    return this.#trees.verify(tree);
  }

  removeTree(tree: Digest): Promise<void> {
    return this.#trees.remove(tree);
  }

  hasBlob(blob: Digest): Promise<boolean> {
    return this.#blobs.has(blob);
  }

  blobPath(blob: Digest): string {
    return this.#blobs.path(blob);
  }

  getBlob(blob: Digest): Promise<Uint8Array | undefined> {
    return this.#blobs.get(blob);
  }

  putBlob(bytes: Uint8Array): Promise<Digest> {
    return this.#blobs.put(bytes);
  }

  adoptBlob(file: string, expected?: Digest): Promise<Result<Digest, Failure>> {
    return this.#blobs.adopt(file, expected);
  }

  getResult(key: Key): Promise<ActionResult | undefined> {
    return this.#records.getResult(key);
  }

  putResult(key: Key, result: ActionResult): Promise<void> {
    return this.#records.putResult(key, result);
  }

  getNote(kind: NoteKind, name: string): Promise<unknown> {
    return this.#records.getNote(kind, name);
  }

  putNote(kind: NoteKind, name: string, value: unknown): Promise<void> {
    return this.#records.putNote(kind, name, value);
  }

  async makeScratch(purpose: string): Promise<Scratch> {
    await this.#lease.begin();
    const path = join(this.root, 'scratch', scratchName(purpose));
    await throwFaults(path, () => mkdir(path));
    return { path, release: () => removeForcibly(path) };
  }

  async logDirectory(key: Key): Promise<string> {
    await this.#lease.hold(key);
    const path = join(this.root, 'logs', key);
    await throwFaults(path, () => makeDirectory(path));
    return path;
  }

  keptPath(key: Key): string {
    return keptPath(this.root, key);
  }

  openKept(key: Key): Promise<Kept | 'none' | 'in-use'> {
    return openKept(this.root, key);
  }

  async dropKept(key?: Key): Promise<void> {
    const names = key === undefined ? await readdir(join(this.root, 'kept')) : [key];
    for (const name of names) await removeKept(this.root, name);
  }

  async release(): Promise<void> {
    this.#trees.forget();
    this.#blobs.forget();
    await this.#lease.end();
  }
}

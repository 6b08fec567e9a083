import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Key } from '../plan/names.ts';
import type { EncodedTree } from './canonical-tree.ts';

/** What a finished action produced. Written only after exit code 0 and with every output in the store. */
export interface ActionResult {
  readonly action: string;
  /** Tree of each output, by name. */
  readonly outputs: Readonly<Record<string, Digest>>;
  /**
   * Names of outputs that nothing reads once the actions that depend on them are done (`Action.scratch`), so that they
   * are collected first. Undefined: none.
   */
  readonly scratch?: readonly string[];
  readonly wallSeconds: number;
  /** User and system time of the whole sandbox. Undefined: not known to the executor. */
  readonly cpuSeconds?: number;
}

/** One entry of a tree, flattened. Paths are relative, `/`-separated, in code-unit order of their components. */
export type TreeEntry =
  | {
      readonly kind: 'directory';
      readonly path: string;
      readonly digest: Digest;
    }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly digest: Digest;
      readonly executable: boolean;
    }
  | {
      readonly kind: 'symlink';
      readonly path: string;
      readonly target: string;
    };

/** Contents of a file, whole or in pieces. */
export type Bytes = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Trees and blobs by digest, and action results by key: what both this machine's disk and a remote cache can offer.
 * Writes are verified and atomic; several processes may share one.
 */
export interface ContentStore {
  hasTree(tree: Digest): Promise<boolean>;
  /** All entries of a tree, read from its Directory messages (the files themselves are not touched). */
  listTree(tree: Digest): Promise<readonly TreeEntry[]>;
  /**
   * Stores a tree whose directories are known (`canonicalTree`, `sealTree`). `read` returns the bytes of a file and is
   * called once per distinct file, for several at once; its errors are rethrown. Fails with `damaged-tree` if bytes do not match their
   * digest.
   */
  putTree(tree: EncodedTree, read: (blob: Digest) => Promise<Bytes>): Promise<Result<void, Failure>>;
  removeTree(tree: Digest): Promise<void>;

  hasBlob(blob: Digest): Promise<boolean>;
  /** Bytes of a blob; undefined if it is missing or damaged. */
  getBlob(blob: Digest): Promise<Uint8Array | undefined>;
  putBlob(bytes: Uint8Array): Promise<Digest>;

  /** Also undefined if the stored result is damaged. */
  getResult(key: Key): Promise<ActionResult | undefined>;
  putResult(key: Key, result: ActionResult): Promise<void>;

  /** Small remembered facts (durations by plan id, patched trees by patch list …), by kind and name. A damaged note reads as undefined. */
  getNote(kind: NoteKind, name: string): Promise<unknown>;
  putNote(kind: NoteKind, name: string, value: unknown): Promise<void>;
}

/** Trees and blobs as files on this machine. The paths it returns are read-only for all users of the store. */
export interface LocalTrees {
  /** Directory of the store on this machine. */
  readonly root: string;

  /** The message `Tree` of a tree (`encodeTree`). Undefined: the tree is not there. */
  treeMessage(tree: Digest): Promise<Uint8Array | undefined>;
  /** Path of a tree; the caller must have seen `hasTree` or `verifyTree` succeed. */
  treePath(tree: Digest): string;
  /** Path of a blob's file. */
  blobPath(blob: Digest): string;
  /**
   * Takes over a directory made by `makeScratch` (or a part of one): normalises modes and times, digests it, and
   * renames it into place. The directory no longer exists afterwards. Sockets, devices and pipes in it are refused.
   */
  adoptTree(directory: string): Promise<Result<Digest, Failure>>;
  /** Takes over a file made in a scratch directory; refuses it if its digest is not `expected`. */
  adoptBlob(file: string, expected?: Digest): Promise<Result<Digest, Failure>>;
  /** Digest of a directory as `adoptTree` would compute it, without changing anything. */
  digestTree(directory: string): Promise<Result<Digest, Failure>>;
  /**
   * Reads a tree in full, once per run (remembered in this object), and compares it with its digest. A damaged tree is
   * moved away and reported, so that the caller can make it again.
   */
  verifyTree(tree: Digest): Promise<Result<void, Failure>>;

  /**
   * Makes an empty directory on the store's file system. Removed by `release`, or by a later run once its process is
   * dead.
   */
  makeScratch(purpose: string): Promise<Scratch>;
  /** Directory that keeps an action's script, environment and log, by key; created if missing. */
  logDirectory(key: Key): Promise<string>;

  /** Path for what an action with this key left when it failed. There need not be anything. */
  keptPath(key: Key): string;
  /** What an action with this key left when it failed, to look at. `in-use`: somebody else does. */
  openKept(key: Key): Promise<Kept | 'none' | 'in-use'>;
  /** Removes what failed actions left, that with a key or all of it, except for what somebody looks at. */
  dropKept(key?: Key): Promise<void>;

  /**
   * Ends the use of this object; until then, the collector removes nothing that was obtained through it. A process that
   * is about to exit need not call it.
   */
  release(): Promise<void>;
}

/** A store on this machine. */
export interface Store extends ContentStore, LocalTrees {}

/** Kinds of notes; each is a directory in the store. */
export type NoteKind = 'durations' | 'sources' | 'machine' | 'products' | 'actions' | 'store';

/** What an action left when it failed; nobody else uses or removes it until it is released. */
export interface Kept {
  readonly path: string;
  release(): Promise<void>;
}

export interface Scratch {
  readonly path: string;
  release(): Promise<void>;
}

import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Key } from '../plan/names.ts';
import type { EncodedTree } from './canonical-tree.ts';

/** What a finished action left. Written only after exit code 0 with every output in the store. */
export interface ActionResult {
  readonly action: string;
  /** Output name to tree. */
  readonly outputs: Readonly<Record<string, Digest>>;
  /** Names of outputs that nothing reads once what follows is built (`Action.scratch`): collected first. Undefined: none. */
  readonly scratch?: readonly string[];
  readonly wallSeconds: number;
  /** User and system time of the whole sandbox. Undefined: the executor did not know. */
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

/** Bytes of a file, whole or in pieces. */
export type Bytes = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Trees, blobs and action results by digest and key: what this machine's disk and a cache elsewhere both can offer.
 * Writes are verified, and seen whole or not at all; several processes may share one.
 */
export interface ContentStore {
  hasTree(tree: Digest): Promise<boolean>;
  /** All entries of a tree, read from its Directory messages (the files themselves are not touched). */
  listTree(tree: Digest): Promise<readonly TreeEntry[]>;
  /**
   * Takes a tree whose directories are known (`canonicalTree`, `sealTree`). `read` gives the bytes of its files and is
   * asked once for each different one; its errors are thrown on. Fails with `damaged-tree` when bytes are not what
   * their digest says.
   */
  putTree(tree: EncodedTree, read: (blob: Digest) => Promise<Bytes>): Promise<Result<void, Failure>>;
  removeTree(tree: Digest): Promise<void>;

  hasBlob(blob: Digest): Promise<boolean>;
  /** Bytes of a blob; undefined when it is not there, or damaged. */
  getBlob(blob: Digest): Promise<Uint8Array | undefined>;
  putBlob(bytes: Uint8Array): Promise<Digest>;

  /** Undefined too when what is known of a key is damaged. */
  getResult(key: Key): Promise<ActionResult | undefined>;
  putResult(key: Key, result: ActionResult): Promise<void>;

  /** Small remembered facts (durations by plan id, patched trees by patch list …), by kind and name. A damaged note reads as undefined. */
  getNote(kind: NoteKind, name: string): Promise<unknown>;
  putNote(kind: NoteKind, name: string, value: unknown): Promise<void>;
}

/** Trees and blobs as files of this machine. Paths it returns are read-only for everyone else. */
export interface LocalTrees {
  /** Directory of the store on this machine. */
  readonly root: string;

  /** Where a tree lies; the caller has seen `hasTree` or `verifyTree` succeed. */
  treePath(tree: Digest): string;
  /** Where a blob lies as a file. */
  blobPath(blob: Digest): string;
  /**
   * Takes over a directory made by `makeScratch` (or a part of one): normalises modes and times, digests
   * it, and renames it into place. Afterwards the directory is gone. Sockets, devices and pipes in it are refused.
   */
  adoptTree(directory: string): Promise<Result<Digest, Failure>>;
  /** Takes over a file made in a scratch directory; refuses it when it is not `expected`. */
  adoptBlob(file: string, expected?: Digest): Promise<Result<Digest, Failure>>;
  /** Digest of a directory as `adoptTree` would give it, without changing anything. */
  digestTree(directory: string): Promise<Result<Digest, Failure>>;
  /**
   * Reads a tree in full, once a run (remembered in this object), and compares it with its digest. A damaged one is moved
   * away and reported, so that the caller can make it again.
   */
  verifyTree(tree: Digest): Promise<Result<void, Failure>>;

  /** A fresh directory on the store's file system. Removed by `release`, or by a later run when its process is gone. */
  makeScratch(purpose: string): Promise<Scratch>;
  /** Directory of an action's kept script, environment and log, by key: made when missing. */
  logDirectory(key: Key): Promise<string>;

  /**
   * Says that the user of this object has ended: until then no collector of garbage removes what it has given out. A
   * process that ends need not say so.
   */
  release(): Promise<void>;
}

/** A store on this machine. */
export interface Store extends ContentStore, LocalTrees {}

/** Kinds of notes; each is a directory in the store. */
export type NoteKind = 'durations' | 'sources' | 'machine' | 'products' | 'actions' | 'store';

export interface Scratch {
  readonly path: string;
  release(): Promise<void>;
}

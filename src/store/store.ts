import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Key } from '../plan/names.ts';

/** What a finished action left. Written only after exit code 0 with every output in the store. */
export interface ActionResult {
  readonly action: string;
  /** Output name to tree. */
  readonly outputs: Readonly<Record<string, Digest>>;
  readonly wallSeconds: number;
  /** User and system time of the whole sandbox. */
  readonly cpuSeconds: number;
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

/**
 * Content-addressed store of trees, blobs and action results. Writes are verified and renamed into
 * place; several processes may share one. Paths it returns are read-only for everyone else.
 */
export interface Store {
  /** Directory of the store on this machine. */
  readonly root: string;

  hasTree(tree: Digest): Promise<boolean>;
  /** Where a tree lies; the caller has seen `hasTree` or `verifyTree` succeed. */
  treePath(tree: Digest): string;
  /** All entries of a tree, read from its Directory messages (the files themselves are not touched). */
  listTree(tree: Digest): Promise<readonly TreeEntry[]>;
  /**
   * Takes over a directory made by `makeScratch` (or a part of one): normalises modes and times, digests
   * it, and renames it into place. Afterwards the directory is gone. Sockets, devices and pipes in it are refused.
   */
  adoptTree(directory: string): Promise<Result<Digest, Failure>>;
  /** Digest of a directory as `adoptTree` would give it, without changing anything. */
  digestTree(directory: string): Promise<Result<Digest, Failure>>;
  /**
   * Reads a tree in full, once a run (remembered in this object), and compares it with its digest. A damaged one is moved
   * away and reported, so that the caller can make it again.
   */
  verifyTree(tree: Digest): Promise<Result<void, Failure>>;
  removeTree(tree: Digest): Promise<void>;

  hasBlob(blob: Digest): Promise<boolean>;
  /** Where a blob lies as a file. */
  blobPath(blob: Digest): string;
  putBlob(bytes: Uint8Array): Promise<Digest>;
  /** Takes over a file made in a scratch directory; refuses it when it is not `expected`. */
  adoptBlob(file: string, expected?: Digest): Promise<Result<Digest, Failure>>;

  getResult(key: Key): Promise<ActionResult | undefined>;
  putResult(key: Key, result: ActionResult): Promise<void>;

  /** Small remembered facts (durations by plan id, patched trees by patch list …), by kind and name. A damaged note reads as undefined. */
  getNote(kind: NoteKind, name: string): Promise<unknown>;
  putNote(kind: NoteKind, name: string, value: unknown): Promise<void>;

  /** A fresh directory on the store's file system. Removed by `release`, or by a later run when its process is gone. */
  makeScratch(purpose: string): Promise<Scratch>;
  /** Directory of an action's kept script, environment and log, by key: made when missing. */
  logDirectory(key: Key): Promise<string>;
}

/** Kinds of notes; each is a directory in the store. */
export type NoteKind = 'durations' | 'sources' | 'machine' | 'products' | 'actions';

export interface Scratch {
  readonly path: string;
  release(): Promise<void>;
}

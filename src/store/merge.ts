import type { Digest } from '../core/digest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { hasAbsoluteLink, type EncodedTree } from './canonical-tree.ts';
import {
  compareNames,
  digestBytes,
  encodeDirectory,
  type DirectoryMessage,
  type FileNode,
  type SymlinkNode,
} from './directory-message.ts';
import { flattenTree } from './flatten.ts';
import type { TreeEntry } from './store.ts';

/** A tree's listing (`Store.listTree`) with a name for messages. */
export interface LabelledTree {
  readonly label: string;
  readonly entries: readonly TreeEntry[];
}

/** Two trees contain the same path with a different kind, content, executable bit or link target. */
export interface TreeClash {
  readonly file: string;
  /** Labels of the two conflicting trees, in the order given. */
  readonly labels: readonly [string, string];
}

/** Union of several trees. */
export interface MergedTree extends EncodedTree {
  readonly entries: readonly TreeEntry[];
}

/** A directory of a union under construction. */
export interface Folder {
  readonly kind: 'directory';
  readonly label: string;
  readonly children: Map<string, Folder | Leaf>;
}

interface Leaf {
  readonly kind: 'leaf';
  readonly label: string;
  readonly entry: LeafContent;
}

/** A file or a link, without its name. */
export type LeafContent =
  | { readonly kind: 'file'; readonly digest: Digest; readonly executable: boolean }
  | { readonly kind: 'symlink'; readonly target: string };

/**
 * Union of several trees' listings. Directories are merged; a file or link may be in several trees if it is identical
 * in all of them. Fails with the first conflict in order of trees, then paths. `sealTree` makes a tree of the union.
 */
export function layTrees(trees: readonly LabelledTree[]): Result<Folder, TreeClash> {
  const root = emptyFolder();
  for (const { label, entries } of trees) {
    const folders = new Map<string, Folder>([['', root]]);
    for (const entry of entries) {
      const slash = entry.path.lastIndexOf('/');
      const folder = folders.get(entry.path.slice(0, Math.max(slash, 0)));
      if (folder === undefined)
        throw new Error(`listing of ${label} names ${entry.path} before its directory`);
      const name = entry.path.slice(slash + 1);
      const present = folder.children.get(name);
      if (present !== undefined && !isSame(present, entry)) {
        return failed({ file: entry.path, labels: [present.label, label] });
      }
      if (entry.kind !== 'directory') {
        if (present === undefined) folder.children.set(name, { kind: 'leaf', label, entry });
        continue;
      }
      const below: Folder =
        present?.kind === 'directory' ? present : { kind: 'directory', label, children: new Map() };
      folder.children.set(name, below);
      folders.set(entry.path, below);
    }
  }
  return ok(root);
}

/**
 * Lays a tree's listing under a folder: what the folder has stays, and what is below one of its files or links is left out.
 */
export function layBelow(root: Folder, { label, entries }: LabelledTree): void {
  const folders = new Map<string, Folder>([['', root]]);
  for (const entry of entries) {
    const slash = entry.path.lastIndexOf('/');
    const folder = folders.get(entry.path.slice(0, Math.max(slash, 0)));
    if (folder === undefined) continue;
    const name = entry.path.slice(slash + 1);
    const present = folder.children.get(name);
    if (entry.kind !== 'directory') {
      if (present === undefined) folder.children.set(name, { kind: 'leaf', label, entry });
    } else if (present?.kind !== 'leaf') {
      const below = present ?? { kind: 'directory', label, children: new Map() };
      folder.children.set(name, below);
      folders.set(entry.path, below);
    }
  }
}

/** Digests, messages and entries of a folder. */
export function sealTree(root: Folder): MergedTree {
  const messages = new Map<Digest, Uint8Array>();
  const decoded = new Map<Digest, DirectoryMessage>();
  const tree = sealFolder(root, messages, decoded);
  const absoluteLinks = [...decoded.values()].some(hasAbsoluteLink);
  return { tree, messages, absoluteLinks, entries: flattenTree(tree, decoded) };
}

export function emptyFolder(): Folder {
  return { kind: 'directory', label: '', children: new Map() };
}

/** The folder at a path; it and its parents are created if missing. Throws if a file or link is in the way. */
export function folderAt(root: Folder, path: string): Folder {
  let folder = root;
  for (const name of namesIn(path)) {
    const child = folder.children.get(name) ?? emptyFolder();
    if (child.kind !== 'directory') throw new Error(`${path} leads through the file ${name}`);
    folder.children.set(name, child);
    folder = child;
  }
  return folder;
}

/** Puts a folder at a path, replacing what is there. */
export function putFolder(root: Folder, path: string, folder: Folder): void {
  const [parent, name] = splitPath(root, path);
  parent.children.set(name, folder);
}

/** Puts a file or a link at a path, replacing what is there. */
export function putLeaf(root: Folder, path: string, entry: LeafContent): void {
  const [parent, name] = splitPath(root, path);
  parent.children.set(name, { kind: 'leaf', label: '', entry });
}

function splitPath(root: Folder, path: string): readonly [Folder, string] {
  const names = namesIn(path);
  const name = names.pop();
  if (name === undefined) throw new Error('the root has no name');
  return [folderAt(root, names.join('/')), name];
}

function namesIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}

function isSame(present: Folder | Leaf, entry: TreeEntry): boolean {
  if (present.kind === 'directory') return entry.kind === 'directory';
  const known = present.entry;
  if (known.kind === 'symlink') return entry.kind === 'symlink' && known.target === entry.target;
  return entry.kind === 'file' && known.digest === entry.digest && known.executable === entry.executable;
}

function sealFolder(
  folder: Folder,
  messages: Map<Digest, Uint8Array>,
  decoded: Map<Digest, DirectoryMessage>,
): Digest {
  const files: FileNode[] = [];
  const directories: { readonly name: string; readonly digest: Digest }[] = [];
  const symlinks: SymlinkNode[] = [];
  for (const [name, child] of [...folder.children].sort(([a], [b]) => compareNames(a, b))) {
    if (child.kind === 'directory') {
      directories.push({ name, digest: sealFolder(child, messages, decoded) });
    } else if (child.entry.kind === 'file') {
      files.push({ name, digest: child.entry.digest, executable: child.entry.executable });
    } else {
      symlinks.push({ name, target: child.entry.target });
    }
  }
  const message = { files, directories, symlinks };
  const bytes = encodeDirectory(message);
  const own = digestBytes(bytes);
  messages.set(own, bytes);
  decoded.set(own, message);
  return own;
}

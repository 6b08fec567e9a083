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

/** A tree's listing (`Store.listTree`) under a name for messages. */
export interface LabelledTree {
  readonly label: string;
  readonly entries: readonly TreeEntry[];
}

/** Two trees bring one path with different kind, content, executable bit or link target. */
export interface TreeClash {
  readonly file: string;
  /** The two that clash, in the order given. */
  readonly labels: readonly [string, string];
}

/** What several trees are when laid over each other. */
export interface MergedTree extends EncodedTree {
  readonly entries: readonly TreeEntry[];
}

interface Folder {
  readonly kind: 'directory';
  readonly label: string;
  readonly children: Map<string, Folder | Leaf>;
}

interface Leaf {
  readonly kind: 'leaf';
  readonly label: string;
  readonly entry: Exclude<TreeEntry, { kind: 'directory' }>;
}

/**
 * Union of several trees' listings. Directories unite; files and links may be brought by several when
 * they are the same in every respect. Fails with the clash that comes first in order of trees, then paths.
 */
export function mergeTrees(trees: readonly LabelledTree[]): Result<readonly TreeEntry[], TreeClash> {
  const [only] = trees;
  if (only !== undefined && trees.length === 1) return ok(only.entries);
  const united = uniteTrees(trees);
  return united.ok ? ok(united.value.entries) : united;
}

/** The same with digests and messages of the union, for those who have to hand them on. */
export function uniteTrees(trees: readonly LabelledTree[]): Result<MergedTree, TreeClash> {
  const root: Folder = { kind: 'directory', label: '', children: new Map() };
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
  const messages = new Map<Digest, Uint8Array>();
  const decoded = new Map<Digest, DirectoryMessage>();
  const tree = sealFolder(root, messages, decoded);
  const absoluteLinks = [...decoded.values()].some(hasAbsoluteLink);
  return ok({ tree, messages, absoluteLinks, entries: flattenTree(tree, decoded) });
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

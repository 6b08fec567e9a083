import type { Digest } from '../core/digest.ts';
import { compareNames, type DirectoryMessage } from './directory-message.ts';
import type { TreeEntry } from './store.ts';

/** Entries of a tree in order, from the messages of its directories, none of which may be missing. */
export function flattenTree(tree: Digest, messages: ReadonlyMap<Digest, DirectoryMessage>): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const visit = (directory: Digest, prefix: string): void => {
    const message = messages.get(directory);
    if (message === undefined) throw new Error(`no message for directory ${directory}`);
    const nodes: TreeEntry[] = [
      ...message.files.map(({ name, digest, executable }): TreeEntry => ({
        kind: 'file',
        path: name,
        digest,
        executable,
      })),
      ...message.directories.map(({ name, digest }): TreeEntry => ({
        kind: 'directory',
        path: name,
        digest,
      })),
      ...message.symlinks.map(({ name, target }): TreeEntry => ({ kind: 'symlink', path: name, target })),
    ];
    for (const node of nodes.sort((a, b) => compareNames(a.path, b.path))) {
      const path = `${prefix}${node.path}`;
      entries.push({ ...node, path });
      if (node.kind === 'directory') visit(node.digest, `${path}/`);
    }
  };
  visit(tree, '');
  return entries;
}

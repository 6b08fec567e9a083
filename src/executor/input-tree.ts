import {
  emptyFolder,
  folderAt,
  layBelow,
  layTrees,
  putFolder,
  putLeaf,
  sealTree,
  type Folder,
  type LabelledTree,
  type MergedTree,
} from '../store/merge.ts';
import { digestBytes } from '../store/directory-message.ts';
import type { Digest } from '../core/digest.ts';
import type { RootText } from './base-files.ts';
import type { InputRoot, Listings, Place, TreePart } from './input-root.ts';

/** An input root as one tree, and the contents that are in no store. */
export interface InputTree extends MergedTree {
  /** Texts made for this root, by digest. The contents of all other files are in trees or blobs. */
  readonly texts: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * What an action sees, as a single tree: for executors that are sent Directory messages.
 *
 * @param listings of all trees of the recipe
 */
export function inputTree(root: InputRoot, listings: Listings): InputTree {
  const top = emptyFolder();
  const texts = new Map<Digest, Uint8Array>();
  for (const path of root.directories) folderAt(top, path);
  for (const [path, target] of Object.entries(root.links)) putLeaf(top, path, { kind: 'symlink', target });
  for (const [path, text] of Object.entries(root.texts)) putText(top, path, text, texts);
  for (const [path, file] of Object.entries(root.files)) putLeaf(top, path, { kind: 'file', ...file });
  // Enclosing places come first, so that the inner ones replace what they hide.
  for (const place of root.places) putPlace(top, place, listings, texts);
  return { ...sealTree(top), texts };
}

function putPlace(top: Folder, place: Place, listings: Listings, texts: Map<Digest, Uint8Array>): void {
  if (place.kind === 'file') {
    putLeaf(top, place.path, { kind: 'file', ...place.file });
    return;
  }
  const { parts, below, texts: added } = place.kind === 'trees' ? place : { parts: [], below: [], texts: {} };
  const listed = ({ tree, inside }: TreePart): LabelledTree => {
    const entries = listings.get(tree);
    if (entries === undefined) throw new Error(`no listing of ${tree}`);
    return { label: tree, entries: inside === '' ? entries : entriesIn(entries, inside) };
  };
  const laid = layTrees(parts.map(listed));
  if (!laid.ok) throw new Error(`trees at ${place.path} conflict, which cannot happen in an input root`);
  for (const part of below) layBelow(laid.value, listed(part));
  for (const path of place.directories) folderAt(laid.value, path);
  for (const [path, text] of Object.entries(added)) putText(laid.value, path, text, texts);
  putFolder(top, place.path, laid.value);
}

function putText(
  folder: Folder,
  path: string,
  { text, executable }: RootText,
  texts: Map<Digest, Uint8Array>,
): void {
  const bytes = Buffer.from(text);
  const digest = digestBytes(bytes);
  texts.set(digest, bytes);
  putLeaf(folder, path, { kind: 'file', digest, executable });
}

function entriesIn(
  entries: Listings extends ReadonlyMap<Digest, infer List> ? List : never,
  directory: string,
) {
  const prefix = `${directory}/`;
  return entries.flatMap((entry) =>
    entry.path.startsWith(prefix) ? [{ ...entry, path: entry.path.slice(prefix.length) }] : [],
  );
}

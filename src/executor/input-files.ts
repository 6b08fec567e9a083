import { join } from 'node:path';
import type { Digest } from '../core/digest.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { Store } from '../store/store.ts';
import type { Listings } from './input-root.ts';

/** Where this machine has the bytes of a file that an action sees. */
export interface LocalFile {
  readonly path: string;
  /** The tree that contains it; undefined for a blob. */
  readonly tree: Digest | undefined;
}

/** Paths of all files that a recipe reads. */
export function filesOf(
  recipe: BoundRecipe,
  listings: Listings,
  store: Store,
): ReadonlyMap<Digest, LocalFile> {
  const files = new Map<Digest, LocalFile>();
  for (const [tree, entries] of listings) {
    for (const entry of entries) {
      if (entry.kind === 'file')
        files.set(entry.digest, { path: join(store.treePath(tree), entry.path), tree });
    }
  }
  for (const content of recipe.inputs.flatMap(({ contents }) => contents)) {
    if (content.kind === 'file')
      files.set(content.digest, { path: store.blobPath(content.digest), tree: undefined });
  }
  return files;
}

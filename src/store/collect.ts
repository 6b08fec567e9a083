import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '../core/digest.ts';
import type { Store } from './store.ts';

/**
 * Removes every tree that is not to be kept, and answers which those were. Nothing else may be using the
 * store meanwhile. Results that name removed trees stay: the engine sees that their trees are gone.
 */
export async function collectTrees(
  store: Store,
  options: { readonly keep: ReadonlySet<Digest> },
): Promise<readonly Digest[]> {
  return removeTrees(store, await listTrees(store), options);
}

/**
 * Removes those of the given trees that are not to be kept. For what goes first when room is short: the
 * scratch outputs of finished actions, which nothing reads again.
 */
export async function removeTrees(
  store: Store,
  trees: Iterable<Digest>,
  options: { readonly keep: ReadonlySet<Digest> },
): Promise<readonly Digest[]> {
  const removed: Digest[] = [];
  for (const tree of new Set(trees)) {
    if (options.keep.has(tree)) continue;
    await store.removeTree(tree);
    removed.push(tree);
  }
  return removed;
}

/** All trees of a store, half present ones included, in order of digest. */
export async function listTrees(store: Store): Promise<readonly Digest[]> {
  const names = await readdir(join(store.root, 'trees'));
  return [...new Set(names.map((name) => name.replace(/\.directory$/, '')))].filter(isDigest).sort();
}

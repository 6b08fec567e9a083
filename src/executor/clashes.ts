import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { BoundRecipe, Content } from '../plan/bound.ts';
import { mergeTrees, type LabelledTree } from '../store/merge.ts';
import type { Store, TreeEntry } from '../store/store.ts';

/** Tells whether trees that an action unites bring one name with different content. Answers are remembered. */
export type ClashCheck = (action: string, recipe: BoundRecipe) => Promise<Result<void, Failure>>;

/** Entries of listings kept in memory, over all trees. */
const keptEntries = 400_000;

export function createClashCheck(store: Store): ClashCheck {
  const listings = new Map<Digest, readonly TreeEntry[]>();
  const harmless = new Set<string>();

  const list = async (tree: Digest): Promise<readonly TreeEntry[]> => {
    const entries = listings.get(tree) ?? (await store.listTree(tree));
    // Taken out and put back, so that the map's order is that of the last use.
    listings.delete(tree);
    listings.set(tree, entries);
    let total = 0;
    for (const kept of listings.values()) total += kept.length;
    for (const [oldest, kept] of listings) {
      if (total <= keptEntries || oldest === tree) break;
      listings.delete(oldest);
      total -= kept.length;
    }
    return entries;
  };

  return async (action, recipe) => {
    const places: { path: string; contents: readonly Content[] }[] = [
      { path: '/tools', contents: recipe.tools },
      ...recipe.inputs,
    ];
    for (const { path, contents } of places) {
      const trees = [...new Set(contents.map((content) => content.digest))];
      const name = trees.join(' ');
      if (trees.length < 2 || harmless.has(name)) continue;
      const labelled: LabelledTree[] = [];
      for (const tree of trees) labelled.push({ label: tree, entries: await list(tree) });
      const merged = mergeTrees(labelled);
      if (!merged.ok) {
        const { file, labels } = merged.failure;
        return failed({ reason: 'clashing-inputs', action, path, file, refs: labels });
      }
      harmless.add(name);
    }
    return ok(undefined);
  };
}

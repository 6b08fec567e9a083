import type { Digest } from '../core/digest.ts';
import type { ContentStore, TreeEntry } from '../store/store.ts';
import type { Listings } from './input-root.ts';

/** Number of listing entries kept in memory, over all trees. */
const keptEntries = 400_000;

/** Listings of trees of a store, with the most recently used kept in memory. */
export class ListingCache {
  readonly #store: Pick<ContentStore, 'listTree'>;
  readonly #kept = new Map<Digest, readonly TreeEntry[]>();
  #entries = 0;

  constructor(store: Pick<ContentStore, 'listTree'>) {
    this.#store = store;
  }

  /** Throws a `StoreFault` if a tree is not in the store. */
  async load(trees: Iterable<Digest>): Promise<Listings> {
    const listings = new Map<Digest, readonly TreeEntry[]>();
    for (const tree of trees) listings.set(tree, this.#keep(tree, await this.#listOf(tree)));
    this.#forget();
    return listings;
  }

  async #listOf(tree: Digest): Promise<readonly TreeEntry[]> {
    return this.#kept.get(tree) ?? this.#store.listTree(tree);
  }

  /** Removed and added again, so that the map's order is that of the last use. */
  #keep(tree: Digest, entries: readonly TreeEntry[]): readonly TreeEntry[] {
    this.#entries += entries.length - (this.#kept.get(tree)?.length ?? 0);
    this.#kept.delete(tree);
    this.#kept.set(tree, entries);
    return entries;
  }

  #forget(): void {
    for (const [oldest, { length }] of this.#kept) {
      if (this.#entries <= keptEntries) return;
      this.#kept.delete(oldest);
      this.#entries -= length;
    }
  }
}

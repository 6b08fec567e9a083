import type { Digest } from '../core/digest.ts';
import type { ContentStore } from '../store/store.ts';

/** How often a tree may be found damaged in one run before the run gives up. */
const patience = 2;

/** What a run knows about the trees in the store. */
export class TreeAvailability {
  readonly #store: Pick<ContentStore, 'hasTree'>;
  readonly #present = new Set<Digest>();
  readonly #losses = new Map<Digest, number>();

  constructor(store: Pick<ContentStore, 'hasTree'>) {
    this.#store = store;
  }

  /** Whether a tree is present, damaged or not. Checked once. */
  async has(tree: Digest): Promise<boolean> {
    if (this.#present.has(tree)) return true;
    if (!(await this.#store.hasTree(tree))) return false;
    this.#present.add(tree);
    return true;
  }

  /** Records that it was found damaged or missing. Returns whether making it again may help. */
  lost(tree: Digest): boolean {
    this.#present.delete(tree);
    const losses = (this.#losses.get(tree) ?? 0) + 1;
    this.#losses.set(tree, losses);
    return losses <= patience;
  }
}

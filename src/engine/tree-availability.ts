import type { Digest } from '../core/digest.ts';
import type { ContentStore } from '../store/store.ts';

/** How often a tree may be found damaged in one run before it is given up. */
const patience = 2;

/** What a run knows of the trees in the store. */
export class TreeAvailability {
  readonly #store: Pick<ContentStore, 'hasTree'>;
  readonly #present = new Set<Digest>();
  readonly #losses = new Map<Digest, number>();

  constructor(store: Pick<ContentStore, 'hasTree'>) {
    this.#store = store;
  }

  /** Whether a tree is there, damaged or not. Looked at once. */
  async has(tree: Digest): Promise<boolean> {
    if (this.#present.has(tree)) return true;
    if (!(await this.#store.hasTree(tree))) return false;
    this.#present.add(tree);
    return true;
  }

  /** It was found damaged or gone. Whether there is hope that making it again helps. */
  lost(tree: Digest): boolean {
    this.#present.delete(tree);
    const losses = (this.#losses.get(tree) ?? 0) + 1;
    this.#losses.set(tree, losses);
    return losses <= patience;
  }
}

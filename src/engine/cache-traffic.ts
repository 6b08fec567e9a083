import type { Node } from './nodes.ts';
import type { Progress } from './progress.ts';
import type { ResultCache } from './result-cache.ts';

/** What a run brings from a cache of results and gives to it, while the build goes on. */
export class CacheTraffic {
  readonly #cache: ResultCache | undefined;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  /** Nodes of which a tree is being brought. */
  readonly #fetching = new Set<Node>();
  /** Results on their way to others. */
  readonly #published = new Set<Promise<void>>();

  constructor(cache: ResultCache | undefined, progress: Progress, signal: AbortSignal) {
    this.#cache = cache;
    this.#progress = progress;
    this.#signal = signal;
  }

  /** How many trees are being brought. */
  get fetching(): number {
    return this.#fetching.size;
  }

  /** Brings the trees that are wanted of nodes; `follow` gets each node and the end of its task. */
  startWanted(nodes: Iterable<Node>, follow: (node: Node, brought: Promise<unknown>) => void): void {
    const cache = this.#cache;
    for (const node of nodes) {
      const { key, bound, fetched } = node;
      if (node.state !== 'fetching' || this.#fetching.has(node) || cache === undefined) continue;
      if (key === undefined || bound === undefined || fetched === undefined)
        throw new Error(`${node.action.name} has no tree to fetch`);
      this.#fetching.add(node);
      this.#progress.tell({ kind: 'action-fetched', action: node.action.name });
      follow(node, cache.bring({ key, recipe: bound }, fetched, this.#signal));
    }
  }

  /** The task of a node has ended. */
  end(node: Node): void {
    this.#fetching.delete(node);
    node.fetched = undefined;
  }

  /** Gives a result to others. `onError` is called for what is not the cache's fault. */
  publish({ key, bound, result }: Node, onError: (error: unknown) => void): void {
    if (key === undefined || bound === undefined || result === undefined) return;
    const published = this.#cache?.publish({ key, recipe: bound }, result, this.#signal);
    if (published === undefined) return;
    const done = published.catch(onError);
    this.#published.add(done);
    void done.then(() => this.#published.delete(done));
  }

  /** Waits until all results have been given, or cannot be. */
  async allPublished(): Promise<void> {
    await Promise.all(this.#published);
  }
}

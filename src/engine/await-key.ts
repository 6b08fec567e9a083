import type { Key } from '../plan/names.ts';
import { takeKeyLock } from '../store/key-lock.ts';
import type { Store } from '../store/store.ts';
import { wholeResult, type HeldKey, type Node } from './nodes.ts';

/** Result of waiting for another run that makes the same result. */
export type AwaitEnd =
  /** It has made the result, and its trees are in the store. */
  | { readonly kind: 'found' }
  /** It failed or died, so this run has to make the result. */
  | { readonly kind: 'ours'; readonly held: HeldKey }
  | { readonly kind: 'aborted' };

/** Waits until no other run is making the result of a node's key. */
export async function awaitKey(store: Store, node: Node, signal: AbortSignal): Promise<AwaitEnd> {
  const { key } = node;
  if (key === undefined) throw new Error(`${node.action.name} has no key to wait for`);
  const lock = await takeKeyLock(store, key, { signal });
  if (lock === undefined) return { kind: 'aborted' };
  // An action that runs only for the record of its commands already has a result.
  if (node.why?.kind !== 'no-record' && (await isMade(store, node, key))) {
    await lock.release();
    return { kind: 'found' };
  }
  return { kind: 'ours', held: { key, lock } };
}

async function isMade(store: Store, node: Node, key: Key): Promise<boolean> {
  const result = node.bound === undefined ? undefined : await wholeResult(store, key, node.bound);
  if (result === undefined) return false;
  for (const tree of Object.values(result.outputs)) if (!(await store.hasTree(tree))) return false;
  return true;
}

/** Releases the keys of nodes that are not about to run with them, because what they read has changed meanwhile. */
export async function releaseUnusedKeys(nodes: Iterable<Node>): Promise<void> {
  for (const node of nodes) {
    const { held, key, state } = node;
    if (held !== undefined && state !== 'running' && !(state === 'must-run' && held.key === key))
      await releaseKey(node);
  }
}

/** Releases a node's key, if it holds one. */
export async function releaseKey(node: Node): Promise<void> {
  const { held } = node;
  node.held = undefined;
  await held?.lock.release();
}

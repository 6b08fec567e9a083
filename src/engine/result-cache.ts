import type { Digest } from '../core/digest.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { Key } from '../plan/names.ts';
import type { ActionResult } from '../store/store.ts';

/** An action, and the name that its result has. */
export interface CachedAction {
  readonly key: Key;
  readonly recipe: BoundRecipe;
}

/**
 * Results that others have made. It may be slow, broken, or tell lies: trees are what their digests say, and whatever it cannot give
 * is made here. None of its functions rejects for what a server does.
 */
export interface ResultCache {
  /** The result of an action. Its trees need not be in the store. Undefined: there is none, or no answer. */
  find(
    action: CachedAction,
    signal: AbortSignal | undefined,
  ): Promise<Omit<ActionResult, 'action'> | undefined>;
  /** Brings a tree of a result into the store. False: that cannot be done. */
  bring(action: CachedAction, tree: Digest, signal: AbortSignal): Promise<boolean>;
  /** Gives others a result that was made here, if it may. All its trees are in the store. */
  publish(action: CachedAction, result: ActionResult, signal: AbortSignal): Promise<void>;
}

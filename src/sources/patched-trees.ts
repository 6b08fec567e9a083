import { createHash } from 'node:crypto';
import { isDigest, type Digest } from '../core/digest.ts';
import type { PlannedSource } from '../plan/action.ts';
import type { ContentStore } from '../store/store.ts';

/** What a source became. */
export interface PatchedTree {
  /** The patched tree. */
  readonly tree: Digest;
  /** Set where the unpatched tree is not the pinned one, and the user accepted that. */
  readonly variant?: { readonly origin: string; readonly tree: Digest };
}

/**
 * Remembers, in the store's notes, what a pinned tree became with a list of patches. Names are hashes of the tree's
 * digest and the patches', so that a patch with another header is applied anew, and gives the same tree again.
 */
export class PatchedTrees {
  readonly #store: ContentStore;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  async recall(source: PlannedSource, acceptVariant: boolean): Promise<PatchedTree | undefined> {
    // Without patches the pinned tree is the result, whether or not it was ever here.
    if (source.patches.length === 0 && !acceptVariant) return { tree: source.tree };
    const note = await this.#store.getNote('sources', noteName(source, acceptVariant));
    return parseNote(note);
  }

  async remember(source: PlannedSource, acceptVariant: boolean, patched: PatchedTree): Promise<void> {
    await this.#store.putNote('sources', noteName(source, acceptVariant), patched);
  }
}

function noteName(source: PlannedSource, acceptVariant: boolean): string {
  // Format 1: [format, variants accepted or not, pinned tree, patches in order].
  const parts = [1, acceptVariant, source.tree, source.patches.map((patch) => patch.digest)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function parseNote(note: unknown): PatchedTree | undefined {
  if (typeof note !== 'object' || note === null || !('tree' in note) || !isDigest(note.tree))
    return undefined;
  const { tree } = note;
  if (!('variant' in note)) return { tree };
  const { variant } = note;
  if (typeof variant !== 'object' || variant === null || !('tree' in variant) || !('origin' in variant))
    return undefined;
  if (!isDigest(variant.tree) || typeof variant.origin !== 'string') return undefined;
  return { tree, variant: { origin: variant.origin, tree: variant.tree } };
}

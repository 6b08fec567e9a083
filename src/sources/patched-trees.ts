import { createHash } from 'node:crypto';
import { isDigest, type Digest, type Sha256 } from '../core/digest.ts';
import type { PlannedSource } from '../plan/action.ts';
import type { ContentStore } from '../store/store.ts';

/** What a source became. */
export interface PatchedTree {
  /** The patched tree. */
  readonly tree: Digest;
  /** Set where the unpatched tree is not the pinned one, and the user accepted that. */
  readonly variant?: { readonly origin: string; readonly tree: Digest };
}

/** Archives of a source whose tree may differ from the pinned one: the hash of each, in the order of the lock. */
export type AcceptedArchives = readonly Sha256[];

/**
 * Remembers, in the store's notes, what a source became with a list of patches. A pinned tree and the patches say that
 * alone, so that a patch with a changed header is applied again and gives the same tree. Where a variant is
 * accepted the pinned tree says nothing: what was made then belongs to that source and its archives.
 */
export class PatchedTrees {
  readonly #store: ContentStore;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** @param accepted undefined: only the pinned tree will do */
  async recall(
    source: PlannedSource,
    accepted: AcceptedArchives | undefined,
  ): Promise<PatchedTree | undefined> {
    // Without patches the pinned tree is the result, whether or not it was ever here.
    if (source.patches.length === 0 && accepted === undefined) return { tree: source.tree };
    const note = await this.#store.getNote('sources', noteName(source, accepted));
    return parseNote(note);
  }

  async remember(
    source: PlannedSource,
    accepted: AcceptedArchives | undefined,
    patched: PatchedTree,
  ): Promise<void> {
    await this.#store.putNote('sources', noteName(source, accepted), patched);
  }
}

function noteName(source: PlannedSource, accepted: AcceptedArchives | undefined): string {
  const patches = source.patches.map((patch) => patch.digest);
  const parts =
    accepted === undefined
      ? // Format 1: [format, variants accepted or not, pinned tree, patches in order].
        [1, false, source.tree, patches]
      : // Format 2: [format, source, its version, pinned tree, archives, patches in order].
        [2, source.name, source.version, source.tree, accepted, patches];
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

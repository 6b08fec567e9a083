import { createHash } from 'node:crypto';
import { isDigest, type Digest, type Sha256 } from '../core/digest.ts';
import type { PlannedSource } from '../plan/action.ts';
import type { ContentStore } from '../store/store.ts';

/** The result of patching a source. */
export interface PatchedTree {
  /** The patched tree. */
  readonly tree: Digest;
  /** Set if the unpatched tree is not the pinned one, and the user accepted that. */
  readonly variant?: { readonly origin: string; readonly tree: Digest };
}

/** For a source whose tree may differ from the pinned one: the hashes of its archives, in the order of the lock. */
export type AcceptedArchives = readonly Sha256[];

/**
 * Remembers, in the store's notes, which tree a source became with a list of patches. It is determined by the pinned
 * tree and the patches alone, so that a patch with a changed header is applied again and gives the same tree. If a
 * variant is accepted, the pinned tree determines nothing, and the result belongs to that source and its archives.
 */
export class PatchedTrees {
  readonly #store: ContentStore;

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** @param accepted undefined: only the pinned tree is accepted */
  async recall(
    source: PlannedSource,
    accepted: AcceptedArchives | undefined,
  ): Promise<PatchedTree | undefined> {
    // Without patches, the pinned tree is the result, whether or not it was ever in the store.
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
      ? // Format 1: [format, whether variants are accepted, pinned tree, patches in order].
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

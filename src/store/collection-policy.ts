/** Kinds of entries in a store that can be removed, because they can be made or fetched again. */
export type EntryKind = 'tree' | 'blob' | 'result' | 'log' | 'download';

/** A unit of a store that is kept or removed as a whole. */
export interface StoreEntry {
  readonly kind: EntryKind;
  /** Digest of a tree or blob, key of a result or log, file name of a download. */
  readonly id: string;
  /** Space on disk, in bytes. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly lastUse: number;
  /**
   * Whether a tree consists of scratch outputs only, which nothing reads once the actions that depend on them are done.
   */
  readonly scratch: boolean;
}

/** What to remove. At least one of the last three is given. */
export interface CollectionPolicy {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Remove what has not been used for this long, in milliseconds. */
  readonly olderThan?: number;
  /** Remove entries until the store takes at most this much space, in bytes. */
  readonly maxBytes?: number;
  /** Remove all scratch outputs. */
  readonly scratchOutputs?: boolean;
}

/**
 * The entries to remove, in order: scratch outputs first, then the least recently used. Results take a negligible
 * amount of space, and are removed by age only.
 *
 * @param isProtected whether a running build or a product needs the entry, so that it is kept regardless of the policy
 * @param otherBytes space that the store takes apart from the entries
 */
export function chooseRemovals<Entry extends StoreEntry>(
  entries: readonly Entry[],
  isProtected: (entry: Entry) => boolean,
  otherBytes: number,
  { now, olderThan = Infinity, maxBytes = Infinity, scratchOutputs = false }: CollectionPolicy,
): readonly Entry[] {
  const free = entries.filter((each) => !isProtected(each)).sort(inOrder);
  const removed = new Set(
    free.filter(({ lastUse, scratch }) => now - lastUse > olderThan || (scratchOutputs && scratch)),
  );
  let total = otherBytes;
  for (const entry of entries) if (!removed.has(entry)) total += entry.bytes;
  for (const entry of free) {
    if (total <= maxBytes) break;
    if (removed.has(entry) || entry.kind === 'result') continue;
    removed.add(entry);
    total -= entry.bytes;
  }
  return free.filter((entry) => removed.has(entry));
}

function inOrder(a: StoreEntry, b: StoreEntry): number {
  if (a.scratch !== b.scratch) return a.scratch ? -1 : 1;
  if (a.lastUse !== b.lastUse) return a.lastUse - b.lastUse;
  return `${a.kind} ${a.id}` < `${b.kind} ${b.id}` ? -1 : 1;
}

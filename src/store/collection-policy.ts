/** What of a store can be removed and made or fetched again. */
export type EntryKind = 'tree' | 'blob' | 'result' | 'log' | 'download';

/** One thing in a store that is kept or removed as a whole. */
export interface StoreEntry {
  readonly kind: EntryKind;
  /** Digest of a tree or blob, key of a result or log, file name of a download. */
  readonly id: string;
  /** Room on the disk, in bytes. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly lastUse: number;
  /** A tree that is nothing but scratch outputs: nothing reads it once what follows is built. */
  readonly scratch: boolean;
}

/** What a user wants of a store. At least one of the three. */
export interface CollectionPolicy {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Removes what was not used for this long, in milliseconds. */
  readonly olderThan?: number;
  /** Removes until the store takes no more room than this, in bytes. */
  readonly maxBytes?: number;
  /** Removes all scratch outputs. */
  readonly scratchOutputs?: boolean;
}

/**
 * What to remove, in this order. Scratch outputs go first, then what was used longest ago. Results take no room worth
 * the name, and go by age alone.
 *
 * @param isProtected what a running build or a product needs, and so stays whatever the policy
 * @param otherBytes room that the store takes beside the entries
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

import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { catchFailures } from '../core/fault.ts';
import { makeDirectory } from '../core/make-directory.ts';
import {
  removeAbandonedLocks,
  takeProcessLock,
  tryProcessLock,
  type ProcessLock,
} from '../core/process-lock.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { chooseRemovals, type CollectionPolicy } from './collection-policy.ts';
import { moveAside } from './disk-files.ts';
import { namesIn, statsOf } from './disk-usage.ts';
import { bytesOf, takeInventory, type Inventory, type InventoryEntry } from './inventory.ts';
import { readLeases, withLeaseLock, type LeaseSummary } from './lease.ts';
import { removeKept } from './kept.ts';
import { removeForcibly } from './remove.ts';
import { readRoots } from './roots.ts';

export interface CollectionRequest {
  readonly policy: CollectionPolicy;
  /** Report what would be removed, without removing anything. */
  readonly dryRun?: boolean;
  /** Called once if another process is already collecting, before waiting for it. */
  readonly onWait?: () => void;
  /** Ends the wait and the collection. */
  readonly signal?: AbortSignal;
}

/** What a collection did, or would do. */
export interface Collection {
  readonly removed: readonly InventoryEntry[];
  /** Number of files and directories of killed processes that were removed as well. */
  readonly leftovers: number;
  /** Space freed, in bytes. */
  readonly freedBytes: number;
  /** Space that the store takes now, in bytes. */
  readonly leftBytes: number;
  /** Space taken by what running builds and products need, in bytes. */
  readonly protectedBytes: number;
}

/** Number of entries removed between two checks of who uses the store. */
const batchSize = 16;

/**
 * Removes from a store what the policy selects. What running builds use and what products need is kept regardless of
 * the policy. Each entry is renamed before it is removed, so that nobody sees it half removed; concurrent collectors
 * take turns.
 *
 * Fails with `no-store` if there is no store, with `interrupted` (what was removed until then stays removed), and with
 * `unwritable` or `no-room`.
 */
export async function collectGarbage(
  root: string,
  request: CollectionRequest,
): Promise<Result<Collection, Failure>> {
  const { onWait, signal } = request;
  return exclusively(root, async (file) => {
    const lock = await takeProcessLock(file, {
      ...(onWait === undefined ? {} : { onWait }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (lock === undefined) return failed({ reason: 'interrupted', signal: String(signal?.reason) });
    return holding(lock, () => collect(root, request));
  });
}

/** The same, but returns undefined if another process is already collecting, since that one does the work. */
export async function collectUnlessBusy(
  root: string,
  request: CollectionRequest,
): Promise<Result<Collection | undefined, Failure>> {
  return exclusively<Collection | undefined>(root, async (file) => {
    const lock = await tryProcessLock(file);
    return lock === undefined ? ok(undefined) : holding(lock, () => collect(root, request));
  });
}

async function exclusively<Value>(
  root: string,
  work: (lockFile: string) => Promise<Result<Value, Failure>>,
): Promise<Result<Value, Failure>> {
  const missing = await missingStore(root);
  if (missing !== undefined) return failed(missing);
  return catchFailures(root, async () => {
    for (const name of ['locks', 'leases', 'damaged']) makeDirectory(join(root, name));
    return work(join(root, 'locks', 'collector'));
  });
}

/** `no-store` if a directory is not a store. */
export async function missingStore(root: string): Promise<Failure | undefined> {
  const found = await stat(join(root, 'trees')).catch(() => undefined);
  return found?.isDirectory() === true ? undefined : { reason: 'no-store', path: root };
}

async function holding<Value>(lock: ProcessLock, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function collect(root: string, request: CollectionRequest): Promise<Result<Collection, Failure>> {
  const { policy, dryRun = false, signal } = request;
  const inventory = await takeInventory(root);
  const protection = await protectionOf(root);
  const isProtected = (entry: InventoryEntry): boolean => protection.covers(entry, entry.lastUse);
  const leftovers = inventory.leftovers.filter(({ lastUse }) => lastUse < protection.leases.since);
  const leftoverBytes = leftovers.reduce((sum, { bytes }) => sum + bytes, 0);
  const entryBytes = inventory.entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const total = bytesOf(inventory);
  const chosen = chooseRemovals(inventory.entries, isProtected, total - entryBytes - leftoverBytes, policy);
  const removed = dryRun ? chosen : await removeAll(root, chosen, leftovers, signal);
  if (signal?.aborted === true) return failed({ reason: 'interrupted', signal: String(signal.reason) });
  const freedBytes = leftoverBytes + removed.reduce((sum, { bytes }) => sum + bytes, 0);
  return ok({
    removed,
    leftovers: leftovers.length,
    freedBytes,
    leftBytes: total - freedBytes,
    protectedBytes: inventory.entries.filter(isProtected).reduce((sum, { bytes }) => sum + bytes, 0),
  });
}

async function removeAll(
  root: string,
  chosen: readonly InventoryEntry[],
  leftovers: Inventory['leftovers'],
  signal: AbortSignal | undefined,
): Promise<readonly InventoryEntry[]> {
  for (const { path, kind } of leftovers) {
    if (kind === 'half') await removeHalf(root, path);
    else if (kind === 'kept') await removeKept(root, basename(path));
    else await removeForcibly(path);
  }
  await removeAbandonedLocks(join(root, 'locks'));
  const removed: InventoryEntry[] = [];
  for (let at = 0; at < chosen.length && signal?.aborted !== true; at += batchSize) {
    const batch = chosen.slice(at, at + batchSize);
    const aside = await withLeaseLock(root, async () => {
      const protection = await protectionOf(root);
      const moved: string[] = [];
      for (const entry of batch) {
        const lastUse = lastUseOf(root, entry);
        if (lastUse > entry.lastUse || protection.covers(entry, lastUse)) continue;
        for (const path of [...entry.paths].reverse()) {
          const place = await moveAside(root, path, entry.id);
          if (place !== undefined) moved.push(place);
        }
        removed.push(entry);
      }
      return moved;
    });
    for (const path of aside) await removeForcibly(path);
  }
  return removed;
}

/** Removes one half of a tree, unless another process has meanwhile made the other half, or may be about to. */
async function removeHalf(root: string, path: string): Promise<void> {
  const other = path.endsWith('.directory') ? path.replace(/\.directory$/, '') : `${path}.directory`;
  const aside = await withLeaseLock(root, async () => {
    const { since } = await readLeases(root);
    const changed = statsOf(path)?.ctimeMs ?? Infinity;
    if (statsOf(other) !== undefined || changed >= since) return undefined;
    return moveAside(root, path, basename(path));
  });
  if (aside !== undefined) await removeForcibly(aside);
}

interface Protection {
  readonly leases: LeaseSummary;
  /** @param lastUse time of last use as of now, in milliseconds since 1970 */
  covers(entry: InventoryEntry, lastUse: number): boolean;
}

async function protectionOf(root: string): Promise<Protection> {
  const leases = await readLeases(root);
  const roots = await readRoots(root);
  return {
    leases,
    covers: ({ kind, id }, lastUse) => {
      if (leases.holds.has(id) || lastUse >= leases.since) return true;
      // A process that is unpacking an archive may have found it long ago, and no lease names it.
      if (kind === 'download') return leases.count > 0;
      return kind !== 'log' && roots.has(id);
    },
  };
}

/** When an entry was last used, according to the current times of its files. */
function lastUseOf(root: string, { kind, paths, namedBy }: InventoryEntry): number {
  const [path] = paths;
  const stats = statsOf(path);
  if (kind === 'blob') return Math.max(stats?.atimeMs ?? 0, stats?.ctimeMs ?? 0);
  if (kind === 'download') return Math.max(stats?.atimeMs ?? 0, stats?.mtimeMs ?? 0);
  if (kind === 'log')
    return Math.max(0, ...namesIn(path).map((name) => statsOf(join(path, name))?.mtimeMs ?? 0));
  const results = namedBy.map((key) => statsOf(join(root, 'results', `${key}.json`))?.mtimeMs ?? 0);
  return Math.max(stats?.mtimeMs ?? 0, ...results);
}

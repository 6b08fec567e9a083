import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { missingStore } from './collect.ts';
import { bytesOf, takeInventory, type InventoryEntry } from './inventory.ts';

/** What takes space in a store. Bytes are space on disk. */
export interface StoreUsage {
  readonly root: string;
  readonly bytes: number;
  /** In a fixed order, including empty kinds. */
  readonly kinds: readonly { readonly kind: UsageKind; readonly count: number; readonly bytes: number }[];
  /** Trees of actions, in order of size. A tree that several actions made is counted for the first one. */
  readonly stages: readonly ActionUsage[];
  readonly actions: readonly ActionUsage[];
}

export interface ActionUsage {
  readonly name: string;
  readonly trees: number;
  readonly bytes: number;
  /** The part of it in scratch outputs. */
  readonly scratchBytes: number;
}

const usageKinds = [
  'outputs',
  'scratch outputs',
  'sources',
  'machine',
  'other trees',
  'downloads',
  'logs',
  'blobs',
  'results and notes',
  'in use as scratch',
  'leftovers',
  'other files',
] as const;
export type UsageKind = (typeof usageKinds)[number];

const otherKinds: Readonly<Record<string, UsageKind>> = { apt: 'downloads', scratch: 'in use as scratch' };

/** Measures a store. Fails with `no-store` if there is none. */
export async function measureStore(root: string): Promise<Result<StoreUsage, Failure>> {
  const missing = await missingStore(root);
  if (missing !== undefined) return failed(missing);
  const inventory = await takeInventory(root);
  const kinds = new Map(usageKinds.map((kind) => [kind, { kind, count: 0, bytes: 0 }]));
  const count = (kind: UsageKind, bytes: number, number = 1): void => {
    const row = kinds.get(kind);
    if (row === undefined) return;
    row.count += number;
    row.bytes += bytes;
  };
  const stages = new Map<string, Mutable<ActionUsage>>();
  const actions = new Map<string, Mutable<ActionUsage>>();
  for (const entry of inventory.entries) {
    count(kindOf(entry), entry.bytes);
    const action = entry.producers[0]?.action;
    if (action === undefined) continue;
    addTo(actions, action, entry);
    addTo(stages, action.split('/')[0] ?? action, entry);
  }
  for (const { bytes } of inventory.leftovers) count('leftovers', bytes);
  for (const [name, bytes] of inventory.others) {
    count(otherKinds[name] ?? (name.startsWith('other: ') ? 'other files' : 'results and notes'), bytes, 0);
  }
  return ok({
    root,
    bytes: bytesOf(inventory),
    kinds: [...kinds.values()],
    stages: bySize(stages),
    actions: bySize(actions),
  });
}

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

function kindOf(entry: InventoryEntry): UsageKind {
  switch (entry.kind) {
    case 'tree':
      if (entry.producers.length > 0) return entry.scratch ? 'scratch outputs' : 'outputs';
      return entry.noted ?? 'other trees';
    case 'download':
      return 'downloads';
    case 'log':
      return 'logs';
    case 'blob':
      return 'blobs';
    default:
      return 'results and notes';
  }
}

function addTo(
  rows: Map<string, Mutable<ActionUsage>>,
  name: string,
  { bytes, scratch }: InventoryEntry,
): void {
  const row = rows.get(name) ?? { name, trees: 0, bytes: 0, scratchBytes: 0 };
  rows.set(name, row);
  row.trees += 1;
  row.bytes += bytes;
  if (scratch) row.scratchBytes += bytes;
}

function bySize(rows: ReadonlyMap<string, ActionUsage>): readonly ActionUsage[] {
  return [...rows.values()].sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

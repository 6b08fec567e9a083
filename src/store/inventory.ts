import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '../core/digest.ts';
import { isRecord, parseJson } from '../core/json.ts';
import { key, type Key } from '../plan/names.ts';
import type { StoreEntry } from './collection-policy.ts';
import { readOrUndefined, writeWhole } from './disk-files.ts';
import { diskUsage, namesIn, statsOf } from './disk-usage.ts';
import { parseResult } from './records.ts';
import { findAbandoned } from './scratch.ts';
import type { ActionResult } from './store.ts';

/** Directory of downloaded archives in a store. */
export const downloadsName = 'downloads';

/** What a store consists of; anything else in its directory (guests, for example) is counted, but not examined. */
const ownNames: ReadonlySet<string> = new Set([
  ...['trees', 'blobs', 'results', 'notes', 'logs', 'scratch', 'kept', 'damaged', 'locks', 'leases', 'roots'],
  downloadsName,
]);

/** An entry, with what the collector and reports need to know about it. */
export interface InventoryEntry extends StoreEntry {
  /** Its paths; all of them are removed, the first one last. */
  readonly paths: readonly [string, ...string[]];
  /** For a tree: the outputs that it is. Empty for a source, a tree of the machine, or a tree that no result names. */
  readonly producers: readonly { readonly action: string; readonly output: string }[];
  /** For a tree: keys of the results that name it; using one of them also counts as using the tree. */
  readonly namedBy: readonly Key[];
  /** For a tree without producers: which kind of note names it. */
  readonly noted?: 'sources' | 'machine';
}

/** Everything in a store. */
export interface Inventory {
  readonly entries: readonly InventoryEntry[];
  /** Space taken by results, logs and the like that are not entries, by name of their directory. */
  readonly others: ReadonlyMap<string, number>;
  /** What nobody needs any more: of killed processes, of failed actions, damaged trees, and trees of which only one half exists. */
  readonly leftovers: readonly Leftover[];
}

export interface Leftover {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970; 0 if certainly unused. */
  readonly lastUse: number;
  /** `half`: one half of a tree. `kept`: what an action left when it failed. */
  readonly kind: 'half' | 'kept' | 'other';
}

/** Examines everything in a store without changing it. Sizes of trees are remembered, as they do not change. */
export async function takeInventory(root: string): Promise<Inventory> {
  const results = await readResults(root);
  const sizes = await TreeSizes.read(root);
  const trees = await treeEntries(root, results, sizes);
  await sizes.write();
  const others = new Map<string, number>();
  for (const name of ['notes', 'roots', 'leases', 'locks'])
    others.set(name, (await diskUsage(join(root, name))).bytes);
  const downloads = await downloadEntries(root);
  others.set('apt', downloads.apt);
  for (const name of namesIn(root)) {
    if (!ownNames.has(name)) others.set(`other: ${name}`, (await diskUsage(join(root, name))).bytes);
  }
  const leftovers = [...trees.halves];
  const scratch = join(root, 'scratch');
  const abandoned = statsOf(scratch) === undefined ? [] : await findAbandoned(scratch);
  const damaged = namesIn(join(root, 'damaged')).map((name) => join(root, 'damaged', name));
  for (const path of [...abandoned, ...damaged])
    leftovers.push({ path, bytes: (await diskUsage(path)).bytes, lastUse: 0, kind: 'other' });
  for (const name of namesIn(join(root, 'kept'))) {
    const path = join(root, 'kept', name);
    // A build that is running may have left it.
    const lastUse = statsOf(path)?.ctimeMs ?? 0;
    leftovers.push({ path, bytes: (await diskUsage(path)).bytes, lastUse, kind: 'kept' });
  }
  const inUse = await diskUsage(scratch);
  const abandonedBytes = leftovers.reduce(
    (sum, each) => sum + (abandoned.includes(each.path) ? each.bytes : 0),
    0,
  );
  others.set('scratch', Math.max(0, inUse.bytes - abandonedBytes));
  const resultEntries = [...results.values()].map(({ entry }) => entry);
  const entries = [
    ...trees.entries,
    ...resultEntries,
    ...blobEntries(root),
    ...(await logEntries(root)),
    ...downloads.entries,
  ];
  return { entries, others, leftovers };
}

/** Space that a store takes, in bytes. */
export function bytesOf({ entries, others, leftovers }: Inventory): number {
  const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);
  return (
    sum(entries.map(({ bytes }) => bytes)) + sum(others.values()) + sum(leftovers.map(({ bytes }) => bytes))
  );
}

interface KnownResult {
  readonly entry: InventoryEntry;
  /** Undefined: damaged. */
  readonly result: ActionResult | undefined;
}

async function readResults(root: string): Promise<ReadonlyMap<Key, KnownResult>> {
  const found = new Map<Key, KnownResult>();
  for (const name of namesIn(join(root, 'results'))) {
    const hex = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
    const path = join(root, 'results', name);
    const stats = statsOf(path);
    if (hex === undefined || stats?.isFile() !== true) continue;
    const text = (await readOrUndefined(path))?.toString();
    found.set(key(hex), {
      result: text === undefined ? undefined : parseResult(key(hex), text),
      entry: {
        ...plain('result', hex, stats.blocks * 512, stats.mtimeMs, path),
      },
    });
  }
  return found;
}

async function treeEntries(
  root: string,
  results: ReadonlyMap<Key, KnownResult>,
  sizes: TreeSizes,
): Promise<{ readonly entries: InventoryEntry[]; readonly halves: readonly Leftover[] }> {
  const uses = usesOf(results);
  const noted = await notedTrees(root);
  const names = new Set(namesIn(join(root, 'trees')));
  const entries: InventoryEntry[] = [];
  const halves: Leftover[] = [];
  for (const name of names) {
    const id = name.replace(/\.directory$/, '');
    const path = join(root, 'trees', name);
    const other = name === id ? `${name}.directory` : id;
    if (!isDigest(id) || !names.has(other)) {
      const { bytes } = await diskUsage(path);
      halves.push({ path, bytes, lastUse: statsOf(path)?.ctimeMs ?? 0, kind: 'half' });
    }
    if (!isDigest(id) || name !== id || !names.has(other)) continue;
    const message = `${path}.directory`;
    const { producers, namedBy, lastUse, scratch } = uses.get(id) ?? unused;
    const kind = noted.get(id);
    entries.push({
      kind: 'tree',
      id,
      bytes: await sizes.of(id, path),
      lastUse: Math.max(lastUse, statsOf(message)?.mtimeMs ?? 0),
      scratch,
      paths: [message, path],
      producers,
      namedBy,
      ...(kind === undefined ? {} : { noted: kind }),
    });
  }
  return { entries, halves };
}

interface TreeUse {
  producers: { readonly action: string; readonly output: string }[];
  namedBy: Key[];
  lastUse: number;
  /** Whether it is a scratch output of all its producers. */
  scratch: boolean;
}

const unused: TreeUse = { producers: [], namedBy: [], lastUse: 0, scratch: false };

function usesOf(results: ReadonlyMap<Key, KnownResult>): ReadonlyMap<Digest, TreeUse> {
  const uses = new Map<Digest, TreeUse>();
  for (const [name, { result, entry }] of results) {
    if (result === undefined) continue;
    for (const [output, tree] of Object.entries(result.outputs)) {
      const use = uses.get(tree) ?? { producers: [], namedBy: [], lastUse: 0, scratch: true };
      uses.set(tree, use);
      use.producers.push({ action: result.action, output });
      use.namedBy.push(name);
      use.lastUse = Math.max(use.lastUse, entry.lastUse);
      use.scratch &&= result.scratch?.includes(output) === true;
    }
  }
  return uses;
}

/** Trees named anywhere in the notes of each kind; the format of a note is known only to its writer. */
async function notedTrees(root: string): Promise<ReadonlyMap<Digest, 'sources' | 'machine'>> {
  const noted = new Map<Digest, 'sources' | 'machine'>();
  for (const kind of ['machine', 'sources'] as const) {
    for (const name of namesIn(join(root, 'notes', kind))) {
      const text = (await readOrUndefined(join(root, 'notes', kind, name)))?.toString() ?? '';
      for (const [match] of text.matchAll(/[0-9a-f]{64}-[0-9]+/g))
        if (isDigest(match)) noted.set(match, kind);
    }
  }
  return noted;
}

function blobEntries(root: string): readonly InventoryEntry[] {
  return namesIn(join(root, 'blobs')).flatMap((name) => {
    const path = join(root, 'blobs', name);
    const stats = statsOf(path);
    if (stats === undefined || !isDigest(name)) return [];
    return [plain('blob', name, stats.blocks * 512, Math.max(stats.atimeMs, stats.ctimeMs), path)];
  });
}

async function logEntries(root: string): Promise<readonly InventoryEntry[]> {
  const entries: InventoryEntry[] = [];
  for (const name of namesIn(join(root, 'logs'))) {
    const path = join(root, 'logs', name);
    const { bytes, modified } = await diskUsage(path);
    entries.push(plain('log', name, bytes, modified, path));
  }
  return entries;
}

/** Archives and partial downloads; apt's own state is left alone. */
async function downloadEntries(
  root: string,
): Promise<{ readonly entries: readonly InventoryEntry[]; readonly apt: number }> {
  const directory = join(root, downloadsName);
  const entries: InventoryEntry[] = [];
  let apt = 0;
  for (const name of namesIn(directory)) {
    const path = join(directory, name);
    const { bytes } = await diskUsage(path);
    const stats = statsOf(path);
    if (!/^[0-9a-f]{64}/.test(name) || stats === undefined) apt += bytes;
    else entries.push(plain('download', name, bytes, Math.max(stats.atimeMs, stats.mtimeMs), path));
  }
  return { entries, apt };
}

function plain(
  kind: StoreEntry['kind'],
  id: string,
  bytes: number,
  lastUse: number,
  path: string,
): InventoryEntry {
  return { kind, id, bytes, lastUse, scratch: false, paths: [path], producers: [], namedBy: [] };
}

/** After this time, the file system reports the final size of what was written. */
const settledMilliseconds = 60_000;

/**
 * Sizes of trees, measured once each: a tree does not change, and walking all trees of a large store takes a minute.
 */
class TreeSizes {
  readonly #root: string;
  readonly #known: Readonly<Record<string, unknown>>;
  readonly #present = new Map<Digest, number>();

  private constructor(root: string, known: Readonly<Record<string, unknown>>) {
    this.#root = root;
    this.#known = known;
  }

  static async read(root: string): Promise<TreeSizes> {
    const text = await readFile(sizesFile(root), 'utf8').catch(() => '');
    const value = parseJson(text);
    return new TreeSizes(root, isRecord(value) ? value : {});
  }

  async of(tree: Digest, path: string): Promise<number> {
    const known = this.#known[tree];
    const bytes =
      typeof known === 'number' && Number.isFinite(known) && known >= 0
        ? known
        : (await diskUsage(path)).bytes + (await diskUsage(`${path}.directory`)).bytes;
    // Some file systems count blocks only once they have written them.
    if (Date.now() - (statsOf(path)?.ctimeMs ?? Infinity) > settledMilliseconds)
      this.#present.set(tree, bytes);
    return bytes;
  }

  async write(): Promise<void> {
    const known = Object.keys(this.#known);
    if (known.length === this.#present.size && [...this.#present.keys()].every((tree) => tree in this.#known))
      return;
    const bytes = Buffer.from(JSON.stringify(Object.fromEntries(this.#present)));
    // In a read-only store they are measured again the next time.
    await writeWhole(this.#root, sizesFile(this.#root), bytes, false).catch(() => undefined);
  }
}

function sizesFile(root: string): string {
  return join(root, 'notes', 'store', 'sizes.json');
}

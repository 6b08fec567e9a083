import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '../core/digest.ts';
import { isRecord, parseJson } from '../core/json.ts';
import type { Key } from '../plan/names.ts';
import { readRecord, writeWhole } from './disk-files.ts';
import { namesIn, statsOf } from './disk-usage.ts';
import type { LocalTrees } from './store.ts';

/** What one run put into an output directory. */
export interface PublishedRun {
  /** Keys of all its actions. */
  readonly keys: readonly Key[];
  /** Tree of each product, by its file name. */
  readonly products: Readonly<Record<string, Digest>>;
}

/**
 * Remembers which trees and results an output directory needs, so that they are not collected and a run that has
 * nothing to do can find that out. A product replaces the previous one of the same name. The caller must have exclusive
 * use of the output directory.
 */
export async function rememberProducts(
  store: Pick<LocalTrees, 'root'>,
  directory: string,
  run: PublishedRun,
): Promise<void> {
  const file = rootFile(store.root, directory);
  const text = readRecord(file);
  const others = readRuns(text?.toString() ?? '').map(({ keys, products }) => ({
    keys,
    products: Object.fromEntries(Object.entries(products).filter(([name]) => !(name in run.products))),
  }));
  const runs = [run, ...others.filter(({ products }) => Object.keys(products).length > 0)];
  const bytes = Buffer.from(`${JSON.stringify({ directory, runs }, undefined, 2)}\n`);
  await writeWhole(store.root, file, bytes, false);
}

/** Trees and keys that output directories need. A product that is no longer in its directory needs nothing. */
export async function readRoots(root: string): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const name of namesIn(join(root, 'roots'))) {
    const text = await readFile(join(root, 'roots', name), 'utf8').catch(() => '');
    const value = parseJson(text);
    const directory = isRecord(value) ? value['directory'] : undefined;
    if (typeof directory !== 'string') continue;
    for (const { keys, products } of readRuns(text)) {
      const present = Object.entries(products).filter(
        ([each]) => statsOf(join(directory, each)) !== undefined,
      );
      if (present.length === 0) continue;
      for (const key of keys) needed.add(key);
      for (const [, tree] of present) needed.add(tree);
    }
  }
  return needed;
}

function rootFile(root: string, directory: string): string {
  return join(root, 'roots', `${createHash('sha256').update(directory).digest('hex')}.json`);
}

function readRuns(text: string): readonly PublishedRun[] {
  const value = parseJson(text);
  const runs: unknown = isRecord(value) ? value['runs'] : undefined;
  if (!Array.isArray(runs)) return [];
  return runs.flatMap((run: unknown) => {
    if (!isRecord(run) || !isRecord(run['products']) || !Array.isArray(run['keys'])) return [];
    const products = Object.entries(run['products']).filter((entry): entry is [string, Digest] =>
      isDigest(entry[1]),
    );
    const keys = run['keys'].filter((key): key is Key => typeof key === 'string');
    return [{ keys, products: Object.fromEntries(products) }];
  });
}

import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Store } from '../store/store.ts';
import { digestFile } from '../store/tree-digest.ts';
import { contentFields, type ManifestProduct } from './manifest.ts';
import { untouchedContent } from './publish.ts';

/**
 * Names of those products of a manifest that are in the output directory unchanged. If nothing has touched a product
 * since it was put there, as its stat records show, it is not read; the others are.
 */
export async function intactProducts(
  store: Store,
  directory: string,
  products: readonly ManifestProduct[],
): Promise<ReadonlySet<string>> {
  const intact = new Set<string>();
  for (const product of products) {
    if ((await isUntouched(store, directory, product)) || (await holds(directory, product)))
      intact.add(product.name);
  }
  return intact;
}

async function isUntouched(store: Store, directory: string, product: ManifestProduct): Promise<boolean> {
  const content = await untouchedContent(store, directory, product.name);
  if (content === undefined) return false;
  const { sha256, files, links } = contentFields(content);
  return (
    JSON.stringify([sha256, files, links]) === JSON.stringify([product.sha256, product.files, product.links])
  );
}

/** Reads everything that the manifest lists; additional files in a directory are ignored. */
async function holds(directory: string, product: ManifestProduct): Promise<boolean> {
  const place = path.join(directory, product.name);
  if (product.sha256 !== undefined) return holdsFile(place, product.sha256, product.size);
  for (const file of product.files ?? []) {
    if (!(await holdsFile(path.join(place, file.path), file.sha256, file.size))) return false;
  }
  for (const link of product.links ?? []) {
    if ((await readlink(path.join(place, link.path)).catch(() => undefined)) !== link.target) return false;
  }
  return (await lstat(place).catch(() => undefined))?.isDirectory() === true;
}

async function holdsFile(file: string, hash: string, size: number): Promise<boolean> {
  const found = await lstat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size !== size) return false;
  // A file that cannot be read is not intact.
  const actual = await digestFile(file).catch(() => undefined);
  return actual === `${hash}-${String(size)}`;
}

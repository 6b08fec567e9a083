import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { imageFiles } from '../image/emulator.ts';
import { readManifest } from './earlier-manifest.ts';
import type { ManifestProduct } from './manifest.ts';

/**
 * What would be lost if a product took its place in an output directory: `foreign-product` if something is there that
 * bootstrap did not make; undefined: nothing. A directory counts as made by bootstrap if it holds a file that the manifest
 * beside it names for this product, or the script of a system image. So it may have been edited, files may have been added,
 * and the manifest may be gone. An empty directory and a link are no loss, and neither is a file where a file belongs: like
 * any build, this one overwrites files of the names of its products.
 *
 * @param kind what the product is. Undefined: not known before it is built
 */
export async function findObstacle(
  directory: string,
  name: string,
  kind?: 'file' | 'directory',
): Promise<Failure | undefined> {
  const place = path.join(directory, name);
  const found = await lstat(place).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
  if (found === undefined || found.isSymbolicLink()) return undefined;
  if (!found.isDirectory()) {
    if (kind !== 'directory' || (await productIn(directory, name))?.sha256 !== undefined) return undefined;
    return { reason: 'foreign-product', path: place, kind: 'file' };
  }
  const names = await readdir(place);
  if (names.length === 0 || (kind !== 'file' && names.includes(imageFiles.script))) return undefined;
  if (await holdsAny(place, await productIn(directory, name))) return undefined;
  return { reason: 'foreign-product', path: place, kind: 'directory' };
}

async function productIn(directory: string, name: string): Promise<ManifestProduct | undefined> {
  return (await readManifest(directory))?.products.find((product) => product.name === name);
}

/** Whether a directory holds any of a product's files, whatever is in them now. */
async function holdsAny(place: string, product: ManifestProduct | undefined): Promise<boolean> {
  for (const file of product?.files ?? []) {
    const found = await lstat(path.join(place, file.path)).catch(() => undefined);
    if (found?.isFile() === true) return true;
  }
  return false;
}

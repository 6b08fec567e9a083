import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseManifest, type ManifestOptions } from './manifest.ts';

/** An external toolchain, as described in the manifest. */
export type ForeignToolchain = NonNullable<ManifestOptions['toolchain']>;

/**
 * The external toolchain with which an image was built, according to the manifest beside the image. Undefined if our own
 * stage 1 built it, or if no manifest says so: an image unpacked from its tarball has no manifest beside it.
 *
 * @param image directory of the image, absolute
 */
export async function imageToolchain(image: string): Promise<ForeignToolchain | undefined> {
  const file = path.join(path.dirname(image), 'manifest.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const manifest = text === undefined ? undefined : parseManifest(text);
  const build = manifest?.builds.find(({ products }) => products.includes(path.basename(image)));
  return build?.options.toolchain;
}

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseManifest, type ManifestOptions } from './manifest.ts';

/** A compiler from elsewhere, in the words of the manifest. */
export type ForeignToolchain = NonNullable<ManifestOptions['toolchain']>;

/**
 * The compiler from elsewhere that an image was made with, as the manifest beside the image says. Undefined where our own
 * stage 1 made it, and where no manifest speaks of it: an image unpacked from its tarball lies alone.
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

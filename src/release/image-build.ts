import path from 'node:path';
import type { VersionsByName } from '../inputs/lock.ts';
import { ownCompiler } from '../repository/load-inputs.ts';
import { readManifest } from './earlier-manifest.ts';
import type { ManifestOptions } from './manifest.ts';

/** An external toolchain, as described in the manifest. */
export type ForeignToolchain = NonNullable<ManifestOptions['toolchain']>;

/** How an image was built. */
export interface ImageBuild {
  /** The external toolchain that was used. Undefined: our own stage 1 built the image. */
  readonly toolchain?: ForeignToolchain;
  /** What `--host` and `--target-compiler` were, as options: with them, a plan has the compiler that built the image. */
  readonly compiler: { readonly host: string; readonly targetCompiler: string };
  /** Versions of the sources that took part. */
  readonly versions: VersionsByName;
}

/**
 * How an image was built, according to the manifest beside it. Undefined if no manifest says so: an image unpacked from its
 * tarball has no manifest beside it.
 *
 * @param image directory of the image, absolute
 */
export async function imageBuild(image: string): Promise<ImageBuild | undefined> {
  const manifest = await readManifest(path.dirname(image));
  const build = manifest?.builds.find(({ products }) => products.includes(path.basename(image)));
  if (build === undefined) return undefined;
  // Earlier programs had no choice of a compiler.
  const { toolchain, host, targetCompiler = ownCompiler } = build.options;
  return {
    compiler: { host, targetCompiler },
    ...(toolchain === undefined ? {} : { toolchain }),
    versions: Object.fromEntries(build.sources.map((source) => source.split(' ') as [string, string])),
  };
}

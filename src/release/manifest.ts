import { parseJson } from '../core/json.ts';
import { compileSchema } from '../inputs/compile-schema.ts';
import type { LockedSource, Origin } from '../inputs/lock.ts';
import type { Plan } from '../plan/action.ts';
import { sourceId } from '../plan/graph.ts';
import type { ActionName, Key, PlanId } from '../plan/names.ts';
import type { Variant } from '../sources/provider.ts';
import { sizeOf, type ProductContent, type PublishedProduct } from './content.ts';
import { manifestSchema } from './manifest-schema.ts';

/**
 * The contents of `manifest.json` beside the products. It contains neither times nor paths of a machine: the same build
 * gives the same text.
 *
 * History of `format`:
 * 1  first version
 */
export interface Manifest {
  readonly format: 1;
  readonly arch: string;
  /** In order of name. */
  readonly products: readonly ManifestProduct[];
  /** The runs that made these products, sorted by host. A run whose products have all been rebuilt by others is no longer listed. */
  readonly builds: readonly ManifestBuild[];
  /** Sources of all runs, in order of name and version. */
  readonly sources: readonly ManifestSource[];
}

export interface ManifestProduct {
  readonly name: string;
  readonly description: string;
  readonly action: string;
  readonly output: string;
  /** Path in the output's tree; empty for the whole tree. */
  readonly path: string;
  /** Total size of all files, in bytes. */
  readonly size: number;
  /** Of a file; undefined for a directory. */
  readonly sha256?: string;
  /** For a directory: all files in it. */
  readonly files?: readonly { readonly path: string; readonly sha256: string; readonly size: number }[];
  readonly links?: readonly { readonly path: string; readonly target: string }[];
}

export interface ManifestBuild {
  readonly options: ManifestOptions;
  /** The machine that compiled. */
  readonly build: { readonly cpu: string; readonly compiler: string };
  /** Names of those `products` that this run made or confirmed. */
  readonly products: readonly string[];
  /** `name version` of every source that was used. */
  readonly sources: readonly string[];
  readonly actions: readonly {
    readonly name: string;
    readonly planId: string;
    readonly key: string;
  }[];
}

/** What was requested, as far as it can affect a product. */
export interface ManifestOptions {
  readonly host: string;
  /**
   * Arch on which the cross compiler runs that compiled what was made for the arch, or `build`: one of the build machine's own.
   * Undefined: an earlier program made this, which knew only the latter.
   */
  readonly targetCompiler?: string;
  /** Name of a goal that stages serve. */
  readonly goal: string;
  readonly withNative: boolean;
  /** Which versions of sources were chosen. Undefined: an earlier program made this, which had no choice. */
  readonly versions?: {
    /** Name of a set. */
    readonly set: string;
    /** Versions instead of those of the set, by the names of their sources. Undefined: the set as it is. */
    readonly instead?: Readonly<Record<string, string>>;
  };
  readonly until?: string;
  readonly only?: string;
  /** Kind of root filesystem. Undefined: initramfs. */
  readonly image?: string;
  /** Digest of the tree whose files were copied over the root filesystem, both in the image and in the tarball. */
  readonly overlay?: string;
  /** External toolchain that was used instead of stage 1. */
  readonly toolchain?: {
    /** File name of its gcc, and how that describes itself. */
    readonly name: string;
    readonly version: string;
    readonly triple: string;
    /** Digest of the tree of its files. */
    readonly digest: string;
    /** Whether the root filesystem has its dynamic loader; without it, only static programs run. */
    readonly dynamicLoader: boolean;
  };
  /** Lines of additional kernel configuration. */
  readonly kernelConfig?: readonly string[];
  /** Sources that were accepted with a tree other than the pinned one. */
  readonly acceptedVariants?: readonly string[];
}

export interface ManifestSource {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly homepage: string;
  /** Digest of the pinned tree. */
  readonly tree: string;
  /** Origin and digest of a tree that is not the pinned one, accepted by the user. */
  readonly variant?: { readonly origin: string; readonly tree: string };
  readonly origins: readonly Readonly<Record<string, string>>[];
  readonly patches: readonly { readonly path: string; readonly digest: string }[];
}

export interface ManifestFacts {
  readonly arch: string;
  readonly options: ManifestOptions;
  readonly build: ManifestBuild['build'];
  readonly plan: Plan;
  readonly planIds: ReadonlyMap<ActionName, PlanId>;
  readonly keys: ReadonlyMap<ActionName, Key>;
  readonly locked: readonly LockedSource[];
  readonly variants: readonly Variant[];
  readonly products: readonly PublishedProduct[];
}

/** Manifest of one run. */
export function manifestOf(facts: ManifestFacts): Manifest {
  const products = facts.products.map(({ product, content }) => ({
    name: product.name,
    description: product.description,
    action: product.ref.action,
    output: product.ref.output,
    path: product.path,
    size: sizeOf(content),
    ...contentFields(content),
  }));
  const build: ManifestBuild = {
    options: facts.options,
    build: facts.build,
    products: products.map(({ name }) => name).sort(),
    sources: facts.plan.sources.map((source) => `${source.name} ${source.version}`).sort(),
    actions: facts.plan.actions
      .map(({ name }) => ({ name, planId: facts.planIds.get(name) ?? '', key: facts.keys.get(name) ?? '' }))
      .sort((a, b) => compare(a.name, b.name)),
  };
  return ordered({ format: 1, arch: facts.arch, products, builds: [build], sources: sourcesOf(facts) });
}

/**
 * Merges the manifests of two runs. Products that both made belong to the later one.
 *
 * @param stillThere whether a product of the earlier run is still in place
 */
export function mergeManifests(
  earlier: Manifest,
  later: Manifest,
  stillThere: (product: ManifestProduct) => boolean,
): Manifest {
  const anew = new Set(later.products.map(({ name }) => name));
  const kept = earlier.products.filter((product) => !anew.has(product.name) && stillThere(product));
  const keptNames = new Set(kept.map(({ name }) => name));
  const builds = [
    ...earlier.builds
      .map((build) => ({ ...build, products: build.products.filter((name) => keptNames.has(name)) }))
      .filter((build) => build.products.length > 0),
    ...later.builds,
  ];
  const needed = new Set(builds.flatMap((build) => build.sources));
  const sources = new Map<string, ManifestSource>();
  for (const source of [...earlier.sources, ...later.sources]) {
    const id = `${source.name} ${source.version}`;
    if (needed.has(id)) sources.set(id, source);
  }
  return ordered({
    format: 1,
    arch: later.arch,
    products: [...kept, ...later.products],
    builds,
    sources: [...sources.values()],
  });
}

/** Text of `manifest.json`. */
export function renderManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

const manifestCheck = compileSchema(manifestSchema);

/** Parses the manifest of an earlier run; undefined if it is not one, or has another format. */
export function parseManifest(text: string): Manifest | undefined {
  const value = parseJson(text);
  return manifestCheck()(value) ? (value as Manifest) : undefined;
}

/** Text of `SHA256SUMS`, as `sha256sum -c` reads it, for every file of every product. */
export function renderSums(manifest: Manifest): string {
  const files = manifest.products.flatMap((product) =>
    product.sha256 !== undefined
      ? [{ path: product.name, sha256: product.sha256 }]
      : (product.files ?? []).map((file) => ({ path: `${product.name}/${file.path}`, sha256: file.sha256 })),
  );
  return files
    .sort((a, b) => compare(a.path, b.path))
    .map((file) => `${file.sha256}  ${file.path}\n`)
    .join('');
}

/** Manifest fields for a product's content. */
export function contentFields(content: ProductContent): Pick<ManifestProduct, 'sha256' | 'files' | 'links'> {
  if (content.kind === 'file') return { sha256: content.sha256 };
  const links = content.entries.flatMap((entry) =>
    entry.kind === 'symlink' ? [{ path: entry.path, target: entry.target }] : [],
  );
  return {
    files: content.entries.flatMap((entry) =>
      entry.kind === 'file' ? [{ path: entry.path, sha256: entry.sha256, size: entry.size }] : [],
    ),
    ...(links.length === 0 ? {} : { links }),
  };
}

function sourcesOf(facts: ManifestFacts): readonly ManifestSource[] {
  const planned = new Map(facts.plan.sources.map((source) => [sourceId(source), source]));
  return facts.locked.flatMap((locked) => {
    const source = planned.get(sourceId(locked));
    if (source === undefined) return [];
    const variant = facts.variants.find((taken) => sourceId(taken) === sourceId(locked));
    return {
      name: locked.name,
      version: locked.version,
      licence: locked.licence,
      homepage: locked.homepage,
      tree: locked.tree,
      ...(variant === undefined ? {} : { variant: { origin: variant.origin, tree: variant.tree } }),
      origins: locked.origins.map(originFields),
      patches: source.patches,
    };
  });
}

function originFields(origin: Origin): Readonly<Record<string, string>> {
  return origin.kind === 'url'
    ? { kind: origin.kind, url: origin.url, sha256: origin.sha256 }
    : {
        kind: origin.kind,
        package: origin.package,
        suite: origin.suite,
        file: origin.file,
        sha256: origin.sha256,
      };
}

/** Order has no meaning in a manifest, so it is always the same. */
function ordered(manifest: Manifest): Manifest {
  return {
    ...manifest,
    products: [...manifest.products].sort((a, b) => compare(a.name, b.name)),
    builds: [...manifest.builds].sort(
      (a, b) => compare(a.options.host, b.options.host) || compare(JSON.stringify(a), JSON.stringify(b)),
    ),
    sources: [...manifest.sources].sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version)),
  };
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

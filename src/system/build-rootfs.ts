import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { manifestNames } from '../../stages/chunk/artefact.ts';
import type { InstalledChunk } from '../../stages/chunk/compose.ts';
import { dependenciesOf } from '../../stages/chunk/dependencies.ts';
import type { SystemFormat } from '../../stages/chunk/formats.ts';
import { tellFailure } from '../build/make-trees.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import type { Chunk, System } from '../definitions/definition.ts';
import type { PackageList } from '../definitions/package-list.ts';
import { chunksOf } from '../definitions/read-system.ts';
import type { UserDirectory } from '../repository/overlay.ts';
import type { Repository } from '../repository/load-inputs.ts';
import { buildManifests, buildSystem, type BuiltTree, type SystemBuild } from './build-system.ts';
import { installation, runtimeNeed, type ChunkFacts } from './installation.ts';
import { planSystem, type PlannedSystem, type SystemWanted } from './plan-system.ts';

/** A root filesystem that is wanted. */
export interface RootfsWanted extends Omit<SystemWanted, 'only' | 'root' | 'check'> {
  /** Name of the products, without what their formats add. */
  readonly title: string;
  /** The user's file with the list, for messages. */
  readonly file: string;
  readonly list: PackageList;
  readonly formats: readonly SystemFormat[];
  /** Files that are laid into it before packages, and at the end. */
  readonly before?: UserDirectory;
  readonly after?: UserDirectory;
}

/** A root filesystem in the store. */
export interface BuiltRootfs {
  readonly planned: PlannedSystem;
  readonly installed: readonly InstalledChunk[];
  readonly products: readonly BuiltTree[];
  /** What is known of a chunk. */
  readonly manifestOf: (chunk: Chunk) => Manifest;
}

/** What a manifest says, as far as it is used here. */
export interface Manifest extends ChunkFacts {
  readonly files: readonly { readonly path: string; readonly size?: number; readonly artifact?: string }[];
}

/**
 * Builds the packages of a list and composes them, with all that they need when they run, to a root filesystem. What they need is
 * known only when they are built, so that there are two plans. Fails with all failures; never empty.
 */
export async function buildRootfs(
  repository: Repository,
  wanted: RootfsWanted,
  request: Omit<SystemBuild, 'planned' | 'given'>,
): Promise<Result<BuiltRootfs, readonly Failure[]>> {
  const { title, file, list, before, after, ...system } = wanted;
  const only = candidates(system.system, list).map(({ id }) => id);
  const planned = await planSystem(repository, { ...system, only, check: false });
  if (!planned.ok) return tellFailure(request, planned.failure);
  const places = await buildManifests({ ...request, planned: planned.value });
  if (!places.ok) return places;
  const manifests = new Map<string, Manifest>();
  for (const [id, place] of places.value) manifests.set(id, await readManifest(place));
  const manifestOf = ({ id }: Chunk): Manifest => {
    const found = manifests.get(id);
    if (found === undefined) throw new Error(`${id} was not built`);
    return found;
  };
  const chosen = installation(system.system, list.packages, manifestOf);
  if (!chosen.ok) {
    const faults = chosen.faults.map((message) => ({ file, field: 'packages', message }));
    return tellFailure(request, { reason: 'bad-definitions', faults });
  }
  const { installed } = chosen;
  const { preInstall, postInstall } = list;
  const overlay = (name: string, given: UserDirectory | undefined) =>
    given === undefined ? undefined : ({ kind: 'directory', name, digest: given.tree } as const);
  const laid = {
    before: overlay('pre_install_overlay', before),
    after: overlay('post_install_overlay', after),
  };
  const root = {
    ...{ title, installed, preInstall, postInstall },
    ...(laid.before === undefined ? {} : { before: laid.before }),
    ...(laid.after === undefined ? {} : { after: laid.after }),
  };
  const whole = await planSystem(repository, { ...system, root, check: false });
  if (!whole.ok) return tellFailure(request, whole.failure);
  const given = new Map(
    Object.entries({ pre_install_overlay: before, post_install_overlay: after }).flatMap(([name, one]) =>
      one === undefined ? [] : [[name, one.directory] as const],
    ),
  );
  const products = await buildSystem({ ...request, planned: whole.value, given });
  if (!products.ok) return products;
  return ok({ planned: whole.value, installed, products: products.value, manifestOf });
}

/** The chunks of a list and all that these, or what they were built with, say they need when they run. */
function candidates(system: System, { packages }: PackageList): readonly Chunk[] {
  const all = chunksOf(system);
  const found = new Set<Chunk>();
  const looked = new Set<Chunk>();
  const look = (chunk: Chunk): void => {
    if (looked.has(chunk)) return;
    looked.add(chunk);
    for (const name of chunk.extensions.runtimeDepends ?? []) {
      const needed = runtimeNeed(all, chunk, name);
      if (needed === undefined) continue;
      found.add(needed);
      look(needed);
    }
    for (const needed of dependenciesOf(system, chunk)) look(needed);
  };
  for (const { chunk } of packages) {
    found.add(chunk);
    look(chunk);
  }
  return all.filter((chunk) => found.has(chunk));
}

async function readManifest(directory: string): Promise<Manifest> {
  const text = await readFile(path.join(directory, manifestNames.manifest), 'utf8');
  const { needs, provides, files } = JSON.parse(text) as Omit<Manifest, 'artefacts'>;
  const artefacts = [...new Set(files.flatMap(({ artifact }) => artifact ?? []))].sort();
  return { needs, provides, files, artefacts };
}

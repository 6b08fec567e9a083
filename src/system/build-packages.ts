import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { manifestNames } from '../../stages/chunk/artefact.ts';
import type { InstalledChunk } from '../../stages/chunk/compose.ts';
import { dependenciesOf } from '../../stages/chunk/dependencies.ts';
import { tellFailure } from '../build/make-trees.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import type { Chunk, System } from '../definitions/definition.ts';
import type { WantedPackage } from '../definitions/package-list.ts';
import { chunksOf } from '../definitions/read-system.ts';
import type { Repository } from '../repository/load-inputs.ts';
import { buildChunks, type BuiltChunk, type SystemBuild } from './build-system.ts';
import { installation, runtimeNeed, type ChunkFacts } from './installation.ts';
import { planSystem, type PlannedSystem, type SystemWanted } from './plan-system.ts';

/** Packages that are wanted, of a system. */
export interface PackagesWanted extends Omit<SystemWanted, 'only' | 'root' | 'check' | 'formats'> {
  readonly packages: readonly WantedPackage[];
  /** What named them, for messages: a file. */
  readonly file: string;
}

/** Packages that were built, with all that they need when they run. */
export interface BuiltPackages {
  readonly planned: PlannedSystem;
  readonly installed: readonly InstalledChunk[];
  /** What is known of a chunk, and where it is. */
  readonly manifestOf: (chunk: Chunk) => Manifest;
  readonly placeOf: (chunk: Chunk) => BuiltChunk;
}

/** What a manifest says, as far as it is used here. */
export interface Manifest extends ChunkFacts {
  readonly files: readonly { readonly path: string; readonly size?: number; readonly artifact?: string }[];
}

/**
 * Builds packages with all that they need when they run. That is known only when they are built, so that what they are composed to
 * is another plan. Fails with all failures; never empty.
 */
export async function buildPackages(
  repository: Repository,
  { packages, file, ...system }: PackagesWanted,
  request: Omit<SystemBuild, 'planned' | 'given'>,
): Promise<Result<BuiltPackages, readonly Failure[]>> {
  const only = candidates(system.system, packages).map(({ id }) => id);
  const planned = await planSystem(repository, { ...system, only, check: false });
  if (!planned.ok) return tellFailure(request, planned.failure);
  const built = await buildChunks({ ...request, planned: planned.value });
  if (!built.ok) return built;
  const manifests = new Map<string, Manifest>();
  for (const [id, { manifest }] of built.value) manifests.set(id, await readManifest(manifest));
  const known = <Value>(values: ReadonlyMap<string, Value>, { id }: Chunk): Value => {
    const found = values.get(id);
    if (found === undefined) throw new Error(`${id} was not built`);
    return found;
  };
  const manifestOf = (chunk: Chunk): Manifest => known(manifests, chunk);
  const chosen = installation(system.system, packages, manifestOf);
  if (!chosen.ok) {
    const faults = chosen.faults.map((message) => ({ file, field: 'packages', message }));
    return tellFailure(request, { reason: 'bad-definitions', faults });
  }
  const { installed } = chosen;
  return ok({
    ...{ planned: planned.value, installed, manifestOf },
    placeOf: (chunk: Chunk) => known(built.value, chunk),
  });
}

/** The chunks of a list and all that these, or what they were built with, say they need when they run. */
function candidates(system: System, packages: readonly WantedPackage[]): readonly Chunk[] {
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

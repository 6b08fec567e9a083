import { dependenciesOf } from '../../stages/chunk/dependencies.ts';
import type { InstalledChunk } from '../../stages/chunk/compose.ts';
import type { Chunk, System } from '../definitions/definition.ts';
import type { WantedPackage } from '../definitions/package-list.ts';
import { chunksOf } from '../definitions/read-system.ts';

/** What the programs and libraries of a built chunk have to do with those of others. */
export interface ChunkFacts {
  /** Names of libraries that they are linked with: `libz.so.1`. */
  readonly needs: readonly string[];
  /** Names of libraries that it installs. */
  readonly provides: readonly string[];
  /** Names of its artefacts. */
  readonly artefacts: readonly string[];
}

/** What is installed for a list of packages, or what prevents it, as sentences. */
export type Installation =
  | { readonly ok: true; readonly installed: readonly InstalledChunk[] }
  | { readonly ok: false; readonly faults: readonly string[] };

/** Ends of the names of artefacts that no program needs when it runs. */
const forDevelopers = ['-devel', '-doc', '-debug'];

/**
 * What has to be installed for some packages to run: themselves, the chunks that these say they need when they run, and those among
 * what they were built with whose libraries they are linked with; each with its own in turn. In the order of the system.
 *
 * @param factsOf what building a chunk has shown; of chunks that the wanted ones were built with, and themselves
 */
export function installation(
  system: System,
  wanted: readonly WantedPackage[],
  factsOf: (chunk: Chunk) => ChunkFacts,
): Installation {
  const all = chunksOf(system);
  const faults: string[] = [];
  const chosen = new Map<Chunk, readonly string[] | undefined>();
  const add = (chunk: Chunk, artifacts: readonly string[] | undefined): void => {
    if (chosen.has(chunk)) return;
    chosen.set(chunk, artifacts);
    for (const name of chunk.extensions.runtimeDepends ?? []) {
      const needed = runtimeNeed(all, chunk, name);
      if (needed === undefined)
        faults.push(`${chunk.id} needs ${name} when it runs, and ${system.name} has no such chunk`);
      else add(needed, undefined);
    }
    const built = dependenciesOf(system, chunk).filter(({ mode }) => mode === 'staging');
    const { needs, provides } = factsOf(chunk);
    for (const library of needs.filter((name) => !provides.includes(name))) {
      const provider = built.find((other) => factsOf(other).provides.includes(library));
      if (provider === undefined)
        faults.push(
          `${chunk.id} is linked with ${library}, which none of the chunks has that it was built with`,
        );
      else add(provider, undefined);
    }
  };
  // With artefacts of their own choice, before they are needed by others.
  for (const { chunk, artifacts } of wanted) {
    for (const artefact of artifacts ?? []) {
      const { artefacts } = factsOf(chunk);
      if (!artefacts.includes(artefact))
        faults.push(`${chunk.id} has no artefact ${artefact}; it has ${artefacts.join(', ')}`);
    }
  }
  const choices = new Map(wanted.map(({ chunk, artifacts }) => [chunk, artifacts]));
  for (const { chunk, artifacts } of wanted) add(chunk, artifacts);
  if (faults.length > 0) return { ok: false, faults: [...new Set(faults)] };
  const installed = all
    .filter((chunk) => chosen.has(chunk))
    .map((chunk) => {
      const { artefacts: every } = factsOf(chunk);
      const artefacts =
        choices.get(chunk) ?? every.filter((name) => !forDevelopers.some((end) => name.endsWith(end)));
      return { chunk, artefacts, whole: artefacts.length === every.length };
    });
  return { ok: true, installed: installed.filter(({ artefacts }) => artefacts.length > 0) };
}

/** The chunk that one says it needs when it runs: one of its own stratum before one of another. */
export function runtimeNeed(all: readonly Chunk[], { id }: Chunk, name: string): Chunk | undefined {
  const stratum = id.slice(0, id.indexOf('/') + 1);
  return (
    all.find((chunk) => chunk.id === `${stratum}${name}`) ??
    all.find((chunk) => chunk.id === name) ??
    all.find((chunk) => chunk.name === name && chunk.mode === 'staging')
  );
}

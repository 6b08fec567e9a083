import type { Chunk, Stratum, System } from '../../src/definitions/definition.ts';

/**
 * Everything that a chunk is built with: all chunks of the strata that its stratum needs, and of its own stratum those that it
 * names, each with what these need in turn. In the order of the system.
 */
export function dependenciesOf({ strata }: Pick<System, 'strata'>, chunk: Chunk): readonly Chunk[] {
  const own = strata.find(({ chunks }) => chunks.includes(chunk));
  if (own === undefined) throw new Error(`no stratum of the system has ${chunk.id}`);
  const below = strataBelow(strata, own);
  const named = new Set<string>();
  const add = ({ needs }: Chunk): void => {
    for (const id of needs) {
      const needed = own.chunks.find((other) => other.id === id);
      if (needed === undefined || named.has(id)) continue;
      named.add(id);
      add(needed);
    }
  };
  add(chunk);
  return strata.flatMap((stratum) =>
    below.has(stratum) ? stratum.chunks : stratum === own ? own.chunks.filter(({ id }) => named.has(id)) : [],
  );
}

function strataBelow(strata: readonly Stratum[], stratum: Stratum): ReadonlySet<Stratum> {
  const found = new Set<Stratum>();
  const add = ({ needs }: Stratum): void => {
    for (const path of needs) {
      const needed = strata.find((other) => other.path === path);
      if (needed === undefined || found.has(needed)) continue;
      found.add(needed);
      add(needed);
    }
  };
  add(stratum);
  return found;
}

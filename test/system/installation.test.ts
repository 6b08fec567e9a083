import { describe, expect, test } from 'vitest';
import { readSystem } from '../../src/definitions/read-system.ts';
import type { Chunk, Extensions, System } from '../../src/definitions/definition.ts';
import { chunksOf } from '../../src/definitions/read-system.ts';
import { failureText } from '../../src/report/failure-text.ts';
import { installation, type ChunkFacts } from '../../src/system/installation.ts';
import { sampleDefinitions } from '../definitions/sample-definitions.ts';

function sample(extensions: Readonly<Record<string, Extensions>> = {}): System {
  const read = readSystem(new Map(Object.entries(sampleDefinitions)), 'systems/small.morph');
  if (!read.ok) throw new Error(failureText(read.failure));
  const strata = read.value.strata.map((stratum) => ({
    ...stratum,
    chunks: stratum.chunks.map((chunk) => ({ ...chunk, extensions: extensions[chunk.id] ?? {} })),
  }));
  return { ...read.value, strata };
}

const facts: Readonly<Record<string, ChunkFacts>> = {
  'base/libc': { needs: ['libc.so.6'], provides: ['libc.so.6'], artefacts: ['libc-devel', 'libc-runtime'] },
  'tools/zlib': { needs: ['libc.so.6'], provides: ['libz.so.1'], artefacts: ['zlib-devel', 'zlib-runtime'] },
  'tools/nano': { needs: ['libz.so.1', 'libc.so.6'], provides: [], artefacts: ['nano-runtime'] },
};

function factsOf({ id }: Chunk): ChunkFacts {
  const found = facts[id];
  if (found === undefined) throw new Error(`nothing is known of ${id}`);
  return found;
}

function wanted(system: System, name: string, artifacts?: readonly string[]) {
  const chunk = chunksOf(system).find((one) => one.name === name);
  if (chunk === undefined) throw new Error(name);
  return { chunk, ...(artifacts === undefined ? {} : { artifacts }) };
}

function install(system: System, ...names: readonly string[]) {
  return installation(
    system,
    names.map((name) => wanted(system, name)),
    factsOf,
  );
}

function ids(result: ReturnType<typeof installation>) {
  if (!result.ok) throw new Error(result.faults.join('\n'));
  return result.installed.map(({ chunk, artefacts, whole }) => [chunk.id, artefacts, whole]);
}

describe('what is installed for a package', () => {
  test('is it, without what is for developers, and the libraries that it is linked with', () => {
    expect(ids(install(sample(), 'zlib'))).toEqual([
      ['base/libc', ['libc-runtime'], false],
      ['tools/zlib', ['zlib-runtime'], false],
    ]);
    expect(ids(install(sample(), 'nano')).map(([id]) => id)).toEqual([
      'base/libc',
      'tools/zlib',
      'tools/nano',
    ]);
  });

  test('are the artefacts that are asked for, even if others need it first', () => {
    const system = sample();
    const both = [wanted(system, 'nano'), wanted(system, 'zlib', ['zlib-devel'])];
    expect(ids(installation(system, both, factsOf))[1]).toEqual(['tools/zlib', ['zlib-devel'], false]);
  });

  test('is what it says it needs when it runs', () => {
    const system = sample({ 'tools/zlib': { runtimeDepends: ['nano'] } });
    expect(ids(install(system, 'zlib')).map(([id]) => id)).toContain('tools/nano');
  });

  test('can be impossible', () => {
    const system = sample({ 'tools/zlib': { runtimeDepends: ['none'] } });
    expect(install(system, 'zlib')).toEqual({
      ok: false,
      faults: ['tools/zlib needs none when it runs, and small has no such chunk'],
    });
    const linked = (chunk: Chunk) => ({ ...factsOf(chunk), needs: ['libx.so.2'] });
    const fresh = sample();
    expect(installation(fresh, [wanted(fresh, 'zlib')], linked)).toEqual({
      ok: false,
      faults: ['tools/zlib is linked with libx.so.2, which none of the chunks has that it was built with'],
    });
    const other = sample();
    expect(installation(other, [wanted(other, 'zlib', ['zlib-x'])], factsOf)).toEqual({
      ok: false,
      faults: ['tools/zlib has no artefact zlib-x; it has zlib-devel, zlib-runtime'],
    });
  });
});

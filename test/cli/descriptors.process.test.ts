/** Descriptors of another repository than the program's own: a process compiles them. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { without } from '../inputs/sample-arch.ts';
import { repositoryCopy, run, testSession } from './rig.ts';

describe('bad input', () => {
  test('a lock without a source that a stage names', async () => {
    const copy = repositoryCopy();
    const lock = path.join(copy, 'sources.lock');
    const written = JSON.parse(readFileSync(lock, 'utf8')) as {
      sets: Record<string, { busybox?: string }>;
      sources: { name: string }[];
    };
    const sources = written.sources.filter(({ name }) => name !== 'busybox');
    const sets = Object.fromEntries(
      Object.entries(written.sets).map(([name, versions]) => [name, without(versions, 'busybox')]),
    );
    writeFileSync(lock, JSON.stringify({ ...written, sets, sources }));
    rmSync(path.join(copy, 'patches/busybox'), { recursive: true });
    const result = await run(testSession({ repository: copy }), 'plan', 'armv5l');
    expect(result.code).toBe(2);
    expect(result.err).toContain('sources.lock: has no source named busybox');
  });

  test('a malformed descriptor, and only when it is asked for', async () => {
    const copy = repositoryCopy();
    const file = path.join(copy, 'arches/armv5l.ts');
    const spoilt = readFileSync(file, 'utf8').replace(
      "triple: 'armv5l-linux-musleabi'",
      "triple: 'x', bitz: 33",
    );
    writeFileSync(file, spoilt);
    const result = await run(testSession({ repository: copy }), 'plan', 'armv5l');
    expect(result.code).toBe(2);
    expect(result.err).toContain('arches/armv5l.ts: bitz');
    expect(result.err).toContain('arches/armv5l.ts: triple');
    expect((await run(testSession({ repository: copy }), 'plan', 'i686')).code).toBe(0);
  });

  test('a descriptor that does not load', async () => {
    const copy = repositoryCopy();
    writeFileSync(path.join(copy, 'arches/broken.ts'), 'throw new Error("spoilt");');
    const result = await run(testSession({ repository: copy }), 'plan', 'broken');
    expect(result.code).toBe(2);
    expect(result.err).toContain('arches/broken.ts: does not load: spoilt');
  });
});

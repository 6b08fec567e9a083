import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/core/failure.ts';
import { parseLock } from '../../src/inputs/lock-file.ts';
import { lockSchema } from '../../src/inputs/lock-schema.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const hash = 'a'.repeat(64);

function entry(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name: 'p',
    version: '1.0',
    homepage: 'https://p.example/',
    licence: 'MIT',
    licenceFiles: ['COPYING'],
    tree: `${hash}-12`,
    origins: [
      {
        kind: 'url',
        url: 'https://p.example/p-1.0.tar.xz',
        sha256: hash,
        directory: 'third/p',
        drop: ['doc'],
      },
      {
        kind: 'debian',
        package: 'pp',
        suite: 'trixie',
        file: 'pp_1.0+dfsg.orig.tar.xz',
        sha256: hash,
        inner: 'p.tar',
      },
    ],
    ...changes,
  };
}

/** A lock whose one set has the first version of each source. */
function lock(
  sources: readonly Record<string, unknown>[],
  changes: Readonly<Record<string, unknown>> = {},
): string {
  const first = Object.fromEntries(sources.map(({ name, version = '1.0' }) => [name, version]).reverse());
  const written = {
    format: 2,
    sourceDateEpoch: 1735689600,
    defaultSet: 'one',
    sets: { one: first },
    sources,
  };
  return JSON.stringify({ ...written, ...changes }, undefined, 1);
}

function faults(text: string): readonly Fault[] {
  const result = parseLock(text, 'sources.lock');
  if (result.ok) throw new Error('it was taken');
  if (result.failure.reason !== 'bad-input') throw new Error(result.failure.reason);
  expect(result.failure.file).toBe('sources.lock');
  return result.failure.faults;
}

/** Field and message of the only fault of a lock with one source. */
function only(source: Record<string, unknown>): string {
  const found = faults(lock([source]));
  expect(found).toHaveLength(1);
  expect(found[0]?.line).toBeGreaterThan(1);
  return `${found[0]?.field ?? ''}: ${found[0]?.message ?? ''}`;
}

describe('parseLock', () => {
  it('accepts a lock as written', () => {
    const two = [entry(), entry({ version: '2.0' }), entry({ name: 'q' })];
    const sets = { one: { q: '1.0', p: '1.0' }, 'two-2.1': { p: '2.0', q: '1.0' } };
    expect(parseLock(lock(two, { sets }), 'sources.lock')).toEqual({
      ok: true,
      value: { format: 2, sourceDateEpoch: 1735689600, defaultSet: 'one', sets, sources: two },
    });
  });

  it('names the line at which it is not JSON', () => {
    expect(faults('{\n  "format": 1,\n]\n')).toEqual([
      { field: '', line: 3, message: 'is not JSON: expected a name in quotes, found "]"' },
    ]);
  });

  it('finds all faults, in order of line', () => {
    const bad = entry({ name: 'P', tree: 'none', extra: 1, licenceFiles: ['../x'] });
    delete bad['homepage'];
    const found = faults(lock([entry(), bad], { format: 1, sourceDateEpoch: '0' }));
    expect(found.map(({ field }) => field).sort()).toEqual([
      'format',
      'sourceDateEpoch',
      'sources[1].extra',
      'sources[1].homepage',
      'sources[1].licenceFiles[0]',
      'sources[1].name',
      'sources[1].tree',
    ]);
    const lines = found.map(({ line }) => line ?? 0);
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
    expect(lines[0]).toBe(2);
  });

  const [url, debian] = entry()['origins'] as readonly [object, object];
  it.each<[string, Record<string, unknown>, string]>([
    [
      'an unknown field',
      entry({ licences: 'MIT' }),
      'sources[0].licences: unknown field; did you mean licence?',
    ],
    ['a missing field', entry({ version: undefined }), 'sources[0].version: is missing'],
    ['no origin', entry({ origins: [] }), 'sources[0].origins: must have at least 1; has 0'],
    [
      'an unknown origin',
      entry({ origins: [{ ...url, kind: 'ftp' }] }),
      'sources[0].origins[0].kind: must be url or debian',
    ],
    ['an origin that is none', entry({ origins: ['x'] }), 'sources[0].origins[0]: must be an object; is "x"'],
    [
      "a field of the other origin's",
      entry({ origins: [{ ...url, inner: 'x' }] }),
      'sources[0].origins[0].inner: unknown field; known are kind url sha256 directory drop',
    ],
    [
      'a short hash',
      entry({ origins: [{ ...debian, sha256: 'abc' }] }),
      'sources[0].origins[0].sha256: must be a SHA-256 in lower-case hex; is "abc"',
    ],
    [
      'a file URL',
      entry({ origins: [{ ...url, url: 'file:///etc/passwd' }] }),
      'sources[0].origins[0].url: must be an http or https URL that ends in a file name; is "file:///etc/passwd"',
    ],
    [
      'a URL with a password',
      entry({ origins: [{ ...url, url: 'https://me:secret@p.example/p.tar' }] }),
      'sources[0].origins[0].url: must be an http or https URL that ends in a file name; is "https://me:secret@p.example/p.tar"',
    ],
    [
      'a path upwards to drop',
      entry({ origins: [{ ...url, drop: ['doc', 'a/../../b'] }] }),
      'sources[0].origins[0].drop[1]: must be a relative path without "." and ".."; is "a/../../b"',
    ],
    [
      'a directory outside the archive',
      entry({ origins: [{ ...debian, directory: '../p' }] }),
      'sources[0].origins[0].directory: must be a relative path without "." and ".."; is "../p"',
    ],
    [
      'an absolute licence file',
      entry({ licenceFiles: ['/etc/passwd'] }),
      'sources[0].licenceFiles[0]: must be a relative path without "." and ".."; is "/etc/passwd"',
    ],
    [
      'a trailing slash',
      entry({ licenceFiles: ['LICENSES/'] }),
      'sources[0].licenceFiles[0]: must be a relative path without "." and ".."; is "LICENSES/"',
    ],
    [
      'a file name with a directory',
      entry({ origins: [{ ...debian, file: '../p.tar' }] }),
      'sources[0].origins[0].file: must be a plain file name; is "../p.tar"',
    ],
    [
      'a package that is an option',
      entry({ origins: [{ ...debian, package: '-o=x' }] }),
      'sources[0].origins[0].package: must be the name of a Debian source package; is "-o=x"',
    ],
    [
      'a tree with a size of 007',
      entry({ tree: 'abc-007' }),
      'sources[0].tree: must be a tree digest: SHA-256 in lower-case hex, a hyphen, a size; is "abc-007"',
    ],
  ])('refuses %s', (_what, source, message) => {
    expect(only(source)).toBe(message);
  });

  it('refuses one version twice', () => {
    expect(faults(lock([entry(), entry({ licence: '0BSD' })]))).toEqual([
      expect.objectContaining({ field: 'sources[1]', message: 'repeats p 1.0, which is sources[0]' }),
    ]);
  });

  const sources = [entry(), entry({ version: '2.0' }), entry({ name: 'q' })];
  const whole = { p: '1.0', q: '1.0' };
  it.each<[string, object, string]>([
    ['no default', { defaultSet: undefined }, 'defaultSet: is missing'],
    [
      'a default that there is not',
      { sets: { one: whole, two: whole }, defaultSet: 'on' },
      'defaultSet: is on, but sets has one, two',
    ],
    ['no set', { sets: {} }, 'defaultSet: is one, but there is none in sets'],
    [
      'a set that is not whole',
      { sets: { one: { p: '1.0' }, two: whole } },
      'sets.one: names no version of q',
    ],
    [
      'a version that there is not',
      { sets: { one: { ...whole, p: '3.0' } } },
      'sets.one.p: sources has no p 3.0; it has 1.0, 2.0',
    ],
    [
      'a source that there is not',
      { sets: { one: { ...whole, x: '1' } } },
      'sets.one.x: sources has no x; did you mean p?',
    ],
    [
      'a version that is a number',
      { sets: { one: { ...whole, p: 1 } } },
      'sets.one.p: must be a string; is 1',
    ],
    [
      'a name that JavaScript would sort',
      { sets: { 2025: whole, one: whole } },
      'sets.2025: must be named with lower-case letters and digits, and . - inside',
    ],
    [
      'a name that reads as a version',
      { sets: { 'p-2.0': whole, one: whole } },
      'sets.p-2.0: is the name of a source with a version of it; choose another name',
    ],
  ])('refuses sets with %s', (_what, changes, message) => {
    expect(faults(lock(sources, { ...changes })).map((fault) => `${fault.field}: ${fault.message}`)).toEqual([
      message,
    ]);
  });

  it('says in which line a set is wrong', () => {
    const [fault] = faults(lock(sources, { sets: { one: { ...whole, p: '3.0' } } }));
    expect(fault?.line).toBe(7);
  });

  it('refuses a duplicate field', () => {
    const text = lock([entry()]).replace('"version": "1.0",', '"version": "1.0",\n   "version": "1.0",');
    expect(faults(text)).toEqual([
      { field: 'sources[0].version', line: 14, message: 'occurs twice in its object' },
    ]);
  });

  it.each(['[]', 'null', '1', '{}', '{"sources": {}}', '{"sources": [null, 1, "x", []]}'])(
    'refuses %s',
    (text) => {
      expect(faults(text).length).toBeGreaterThan(0);
    },
  );
});

describe('the lock of this repository', () => {
  const parsed = parseLock(readFileSync(`${root}sources.lock`, 'utf8'), 'sources.lock');

  it('is well-formed, and laid out as JSON.stringify does', () => {
    const text = readFileSync(`${root}sources.lock`, 'utf8');
    expect(parsed).toMatchObject({ ok: true });
    expect(text).toBe(`${JSON.stringify(JSON.parse(text), undefined, 2)}\n`);
  });

  it('has a set with which every plan id is pinned, and it is whole', () => {
    if (!parsed.ok) throw new Error('malformed');
    const { sets, defaultSet, sources } = parsed.value;
    expect(Object.keys(sets)[0]).toBe(defaultSet);
    // What systems are built from is in no set.
    const shared = new Set(Object.values(sets).flatMap((set) => Object.keys(set)));
    const names = sources.map(({ name }) => name as string).filter((name) => shared.has(name));
    expect(Object.keys(sets[defaultSet] ?? {})).toEqual([...new Set(names)]);
  });

  it('has an origin for every source that does not need the publisher', () => {
    if (!parsed.ok) throw new Error('malformed');
    for (const source of parsed.value.sources) {
      expect(
        source.origins.map(({ kind }) => kind),
        source.name,
      ).toContain('debian');
      const order = source.origins.map(({ kind }) => kind);
      expect(order, source.name).toEqual([...order].sort().reverse());
    }
  });
});

it('lock.schema.json is the schema in use', () => {
  const committed: unknown = JSON.parse(readFileSync(`${root}src/inputs/lock.schema.json`, 'utf8'));
  expect(committed).toEqual(JSON.parse(JSON.stringify(lockSchema)));
});

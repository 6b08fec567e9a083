import { describe, expect, test } from 'vitest';
import { readSystem } from '../../src/definitions/read-system.ts';
import { failureText } from '../../src/report/failure-text.ts';
import { sampleDefinitions } from './sample-definitions.ts';

const file = 'systems/small.morph';

/** The sample with some files replaced; undefined: without the file. */
function withFiles(files: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, string> {
  const all = Object.entries({ ...sampleDefinitions, ...files });
  return new Map(all.flatMap(([path, text]) => (text === undefined ? [] : [[path, text] as const])));
}

/** The sample with a part of one file replaced, which must be there. */
function edited(path: string, from: string, to: string): ReadonlyMap<string, string> {
  const text = sampleDefinitions[path] ?? '';
  expect(text).toContain(from);
  return withFiles({ [path]: text.replace(from, to) });
}

function system(texts: ReadonlyMap<string, string> = withFiles({})) {
  const read = readSystem(texts, file);
  if (!read.ok) throw new Error(failureText(read.failure));
  return read.value;
}

/** The lines that say what is wrong, without the first and the last one. */
function faults(texts: ReadonlyMap<string, string>, path = file): readonly string[] {
  const read = readSystem(texts, path);
  if (read.ok) throw new Error('it was read');
  return failureText(read.failure)
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim());
}

describe('a system', () => {
  test('has all strata that it needs, in order, and knows which of them are installed', () => {
    const { name, arch, strata, contents, configurationExtensions } = system();
    expect({ name, arch, contents, configurationExtensions }).toEqual({
      name: 'small',
      arch: 'armv8l64',
      contents: [{ stratum: 'strata/tools.morph', artifacts: ['tools-runtime'] }],
      configurationExtensions: ['extensions/set-hostname'],
    });
    expect(strata.map(({ path, needs }) => [path, needs])).toEqual([
      ['strata/base.morph', []],
      ['strata/tools.morph', ['strata/base.morph']],
    ]);
  });

  test('takes no text for anything else: a ref of digits, a version that ends in 0', () => {
    const [base] = system().strata;
    expect(base?.chunks[1]?.source).toEqual({
      kind: 'git',
      repository: 'upstream:libc',
      ref: '0123456789012345678901234567890123456789',
      unpetrifiedRef: '1.10',
      submodules: {},
    });
  });

  test('unites what stratum and file say of a chunk', () => {
    const [base] = system().strata;
    expect(base?.chunks[1]).toMatchObject({
      id: 'base/libc',
      file: 'strata/base/libc.morph',
      buildSystem: 'manual',
      commands: {
        'pre-configure-commands': ['mkdir o'],
        'configure-commands': ['cd o && ../configure'],
        'build-commands': ['cd o && make'],
      },
      mode: 'staging',
      prefix: '/usr',
      maxJobs: 1,
      needs: ['base/first-libc'],
      artifacts: { 'libc-runtime': 'base-runtime' },
      integration: { 'libc-runtime': { '00-ldconfig': ['ldconfig'] } },
      devices: [{ path: '/dev/null', type: 'c', major: 1, minor: 3, permissions: 0o666, uid: 0, gid: 0 }],
      extensions: { memory: 2048, distcc: false },
    });
    expect(base?.chunks[0]).toMatchObject({ mode: 'bootstrap', prefix: '/tools' });
  });

  test('reads sources of the lock, submodules, and chunks whose build system is to be found out', () => {
    const [zlib, nano] = system().strata[1]?.chunks ?? [];
    expect(zlib?.source).toEqual({ kind: 'locked', name: 'zlib', version: '1.3.1' });
    expect(zlib?.buildSystem).toBe('autotools');
    expect(nano).not.toHaveProperty('buildSystem');
    expect(nano?.source).toMatchObject({
      repository: 'https://example.org/nano.git',
      submodules: { gnulib: 'https://example.org/gnulib.git' },
    });
  });

  test('has the defaults, aliases resolved', () => {
    const [{ defaults } = { defaults: undefined }] = system().strata;
    if (defaults === undefined) throw new Error('no stratum');
    const strip = ['strip "$DESTDIR"/bin/*\n'];
    expect(defaults.buildSystems['cmake']?.commands['strip-commands']).toEqual(strip);
    expect(defaults.buildSystems['autotools']).toMatchObject({
      indicators: ['configure'],
      commands: { 'strip-commands': strip },
    });
    expect(defaults.chunkSplits.map(({ artifact }) => artifact)).toEqual(['-devel', '-runtime']);
  });
});

describe('a stratum in place of another one', () => {
  const heirs = {
    'ours/VERSION': 'version: 8\n',
    'ours/DEFAULTS': 'build-systems: {manual: {build-commands: [ours]}}\n',
    'ours/strata/libc.morph': `name: ours
kind: stratum
build-depends: [{morph: strata/first.morph}]
chunks: [{name: glibc, morph: packages/glibc.morph, repo: 'lock:glibc', ref: '2.41'}]
`,
    'ours/strata/first.morph': `name: first
kind: stratum
chunks: [{name: m4, repo: 'lock:m4', ref: '1.4.19'}]
`,
    'ours/packages/glibc.morph': 'name: glibc\nkind: chunk\n',
  };
  const replacement = { replaced: 'strata/base.morph', set: 'ours/', path: 'strata/libc.morph' };

  test('comes with what it needs and the defaults of its own set', () => {
    const read = readSystem(withFiles(heirs), file, [replacement]);
    if (!read.ok) throw new Error(failureText(read.failure));
    const { strata } = read.value;
    expect(strata.map(({ path, needs, chunks }) => [path, needs, chunks.map(({ id }) => id)])).toEqual([
      ['ours/strata/first.morph', [], ['first/m4']],
      ['strata/base.morph', ['ours/strata/first.morph'], ['ours/glibc']],
      ['strata/tools.morph', ['strata/base.morph'], ['tools/zlib', 'tools/nano']],
    ]);
    expect(strata.map(({ defaults }) => Object.keys(defaults.buildSystems))).toEqual([
      ['manual'],
      ['manual'],
      ['manual', 'autotools', 'cmake'],
    ]);
    expect(strata[1]?.chunks[0]?.file).toBe('ours/packages/glibc.morph');
  });

  test('is installed whole', () => {
    const texts = edited('systems/small.morph', 'artifacts: [tools-runtime]', 'artifacts: [tools-runtime]');
    const wanted = [{ ...replacement, replaced: 'strata/tools.morph' }];
    const read = readSystem(new Map([...texts, ...Object.entries(heirs)]), file, wanted);
    expect(read.ok && read.value.contents).toEqual([{ stratum: 'strata/tools.morph' }]);
  });

  test('has its faults with the file that has them, and must replace one that there is', () => {
    const broken = withFiles({ ...heirs, 'ours/DEFAULTS': undefined, 'ours/packages/glibc.morph': 'x: y\n' });
    const read = readSystem(broken, file, [{ ...replacement, replaced: 'strata/bas.morph' }]);
    expect(!read.ok && failureText(read.failure)).toContain(
      'systems/small.morph:4: strata: no stratum is strata/bas.morph, which is to be replaced; did you mean strata/base.morph?',
    );
    const other = readSystem(broken, file, [replacement]);
    expect(!other.ok && failureText(other.failure)).toMatch(
      /ours\/DEFAULTS: does not exist[^]*ours\/packages\/glibc\.morph:1: /,
    );
  });
});

describe('faults', () => {
  test('of all files are told at once, with their lines, and those of others are not', () => {
    const texts = withFiles({
      VERSION: 'version: 9\n',
      'strata/tools.morph': sampleDefinitions['strata/tools.morph']
        ?.replace('ref: v7.2', 'reff: v7.2')
        .replace('[zlib]', '[zlip, nano]'),
      'strata/base/libc.morph': sampleDefinitions['strata/base/libc.morph']?.replace('type: c', 'type: p'),
      'strata/unused.morph': 'kind: nonsense\n',
    });
    expect(faults(texts)).toEqual([
      'VERSION:1: version: must be one of "8"; is "9"',
      'strata/tools.morph:11: chunks[1].ref: is missing',
      expect.stringMatching(/^strata\/tools\.morph:13: chunks\[1\]\.reff: unknown field; did you mean ref\?/),
    ]);
  });

  test.each([
    [
      'strata/tools.morph',
      '[zlib]',
      '[zlip]',
      '16: chunks[1].build-depends[0]: no chunk of this stratum is named zlip; did you mean zlib?',
    ],
    ['strata/tools.morph', '[zlib]', '[nano]', '16: chunks[1].build-depends[0]: is the chunk itself'],
    [
      'strata/tools.morph',
      'name: nano',
      'name: zlib',
      '11: chunks[1].name: zlib is the name of an earlier chunk too',
    ],
    [
      'strata/tools.morph',
      'autotools',
      'autotool',
      '10: chunks[0].build-system: DEFAULTS has no build system autotool; it has manual, autotools, cmake',
    ],
    [
      'strata/tools.morph',
      'strata/base.morph',
      'strata/bass.morph',
      '4: build-depends[0].morph: strata/bass.morph does not exist; did you mean strata/base.morph?',
    ],
    [
      'strata/tools.morph',
      'strata/base.morph',
      'strata/../base.morph',
      '4: build-depends[0].morph: must be a path from the root of the definitions, without . and ..; is "strata/../base.morph"',
    ],
    [
      'strata/base.morph',
      'build-mode: bootstrap',
      'build-mode: fast',
      '8: chunks[0].build-mode: must be one of "staging", "bootstrap", "test", "prelibc"; is "fast"',
    ],
    [
      'strata/base/libc.morph',
      "'usr/lib/gconv/.*'",
      "'usr/(lib'",
      '10: products[0].include[0]: is not a regular expression: usr/(lib',
    ],
    [
      'strata/base/libc.morph',
      'kind: chunk',
      'kind: chunk\nkind: chunk',
      '3: is not valid YAML: Map keys must be unique',
    ],
    [
      'strata/base/libc.morph',
      'max-jobs: 1',
      'max-jobs: many',
      '3: max-jobs: must be a positive number; is "many"',
    ],
    [
      'strata/base/libc.morph',
      'name: libc',
      'name: !!python/object libc',
      '1: is not valid YAML: Unresolved tag: tag:yaml.org,2002:python/object',
    ],
  ])('%s: %s instead of %s', (path, from, to, text) => {
    const told = faults(edited(path, from, to));
    expect(told.filter((line) => line.startsWith(`${path}:`))).toEqual([`${path}:${text}`]);
  });

  test('of a chunk that needs a later one', () => {
    const text = edited('strata/base.morph', '  build-mode: bootstrap\n', '  build-depends: [libc]\n');
    expect(faults(text)).toEqual([
      'strata/base.morph:8: chunks[0].build-depends[0]: libc comes later in this stratum; a chunk needs earlier ones',
    ]);
  });

  test('of strata that need each other', () => {
    const text = edited(
      'strata/base.morph',
      'kind: stratum\n',
      'kind: stratum\nbuild-depends: [{morph: strata/tools.morph}]\n',
    );
    expect(faults(text)).toEqual([
      'strata/tools.morph:3: build-depends: needs itself: strata/tools.morph -> strata/base.morph -> strata/tools.morph',
    ]);
  });

  test('of strata with one name', () => {
    const text = edited('strata/base.morph', 'name: base', 'name: tools');
    expect(faults(text)).toEqual(['strata/tools.morph:1: name: tools is the name of strata/base.morph too']);
  });

  test('of missing files', () => {
    expect(faults(withFiles({ VERSION: undefined, DEFAULTS: undefined, [file]: undefined }))).toEqual([
      'VERSION: does not exist',
      'DEFAULTS: does not exist',
      'systems/small.morph: does not exist',
    ]);
    expect(faults(withFiles({ 'strata/base/libc.morph': undefined }))[0]).toBe(
      'strata/base.morph:5: chunks[0].morph: strata/base/libc.morph does not exist; did you mean strata/base.morph?',
    );
  });

  test('of texts that are made to fill the memory or the stack', () => {
    const level = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(`*${of}`).join(', ')}]\n`;
    const names = [...'abcdefghij'];
    const laughs = `z: &z [x]\n${names.map((name, index) => level(name, names[index - 1] ?? 'z')).join('')}`;
    expect(faults(withFiles({ DEFAULTS: laughs }))[0]).toMatch(/^DEFAULTS: cannot be read: .*alias/);
    expect(faults(withFiles({ DEFAULTS: '['.repeat(100_000) }))[0]).toMatch(/^DEFAULTS/);
  });
});

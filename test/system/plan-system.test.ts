import { beforeAll, describe, expect, test } from 'vitest';
import { artefactActionName, chunkActionName } from '../../stages/chunk.ts';
import { installedChunks, integrationCommands } from '../../stages/chunk/compose.ts';
import { readSystem } from '../../src/definitions/read-system.ts';
import type { Chunk, System } from '../../src/definitions/definition.ts';
import { pseudoDigest } from '../../src/plan/key.ts';
import { planIds } from '../../src/plan/bind.ts';
import type { Action } from '../../src/plan/action.ts';
import { loadRepository, type Repository } from '../../src/repository/load-inputs.ts';
import { planSystem, type SystemWanted } from '../../src/system/plan-system.ts';
import { repository as root } from '../cli/rig.ts';
import { sampleDefinitions } from '../definitions/sample-definitions.ts';

const filesDigest = pseudoDigest('a test', 'files');

let repository: Repository;
beforeAll(async () => {
  const loaded = await loadRepository(root);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.failure));
  repository = { ...loaded.value, runs: ({ name }) => name === 'i686' };
});

/** The sample's system, with some of its files replaced. */
function sample(changed: Readonly<Record<string, string>> = {}): System {
  const texts = new Map(Object.entries({ ...sampleDefinitions, ...changed }));
  const system = readSystem(texts, 'systems/small.morph');
  if (!system.ok) throw new Error(JSON.stringify(system.failure));
  return system.value;
}

/** The system with its zlib changed. */
function withChunk(change: Partial<Chunk>): System {
  const system = sample();
  const strata = system.strata.map((stratum) => ({
    ...stratum,
    chunks: stratum.chunks.map((chunk) => (chunk.id === 'tools/zlib' ? { ...chunk, ...change } : chunk)),
  }));
  return { ...system, strata };
}

async function planOf(system: System, wanted: Partial<SystemWanted> = {}, from = repository) {
  const planned = await planSystem(from, { system, pins: new Map(), check: false, host: 'i686', ...wanted });
  if (!planned.ok) throw new Error(JSON.stringify(planned.failure));
  const { plan } = planned.value;
  const action = (name: string): Action => {
    const found = plan.actions.find((one) => one.name === name);
    if (found === undefined)
      throw new Error(`no ${name} in ${plan.actions.map((one) => one.name).join(' ')}`);
    return found;
  };
  return {
    planned: planned.value,
    plan,
    action,
    ids: planIds(plan),
    chunk: (id: string) => action(chunkActionName('aarch64', id)),
  };
}

function scriptOf({ recipe }: Action): string {
  const [write] = recipe.commands;
  return write?.kind === 'write' ? write.text : '';
}

describe('the plan of a system', () => {
  test('builds each chunk on its arch, in a root of what it needs, over tools that need nothing', async () => {
    const { chunk, action } = await planOf(sample());
    const { recipe } = chunk('tools/nano');
    expect(recipe.platform).toEqual({ os: 'linux', cpu: 'aarch64' });
    const trees = ['base/first-libc', 'base/libc', 'tools/zlib'].map((id) => `artefact-aarch64-${id}`);
    const [atRoot, source] = recipe.inputs;
    expect(atRoot).toMatchObject({
      path: '/',
      writable: true,
      refs: trees.map((name) => ({ action: name, output: 'files' })),
      below: [{ action: 'toolbox-aarch64/assemble', output: 'root' }],
    });
    expect(source).toMatchObject({ path: '/src', writable: true, refs: [{ kind: 'directory' }] });
    expect(recipe.tools.map((ref) => ref.kind === 'output' && ref.action)).toEqual([
      'toolbox-aarch64/assemble',
      'native-compiler-aarch64/assemble',
    ]);
    expect(recipe.compileServer).toMatchObject({ action: 'cross-compiler-aarch64-i686/assemble' });
    expect(action('artefact-aarch64-tools/nano').recipe.platform).toMatchObject({ cpu: 'x86_64' });
  });

  test('has no help of a compiler that does not run here, or that a chunk does not want', async () => {
    const { chunk } = await planOf(sample());
    expect(chunk('base/libc').recipe.compileServer).toBeUndefined();
    const data = withChunk({ extensions: { compiler: false } });
    const { recipe } = (await planOf(data)).chunk('tools/zlib');
    expect([recipe.compileServer, recipe.tools]).toMatchObject([
      undefined,
      [{ action: 'toolbox-aarch64/assemble' }],
    ]);
    const nothing = { ...repository, runs: () => false };
    const alone = await planOf(sample(), { targetCompiler: 'build' }, nothing);
    expect(alone.chunk('tools/zlib').recipe.compileServer).toBeUndefined();
  });

  test('may want more processors, which change nothing of what is built', async () => {
    const [one, two] = [await planOf(sample()), await planOf(withChunk({ extensions: { guestCpus: 2 } }))];
    expect([one, two].map(({ chunk }) => chunk('tools/zlib').processors)).toEqual([undefined, 2]);
    const name = chunkActionName('aarch64', 'tools/zlib');
    expect(two.ids.get(name)).toBe(one.ids.get(name));
  });

  test('uses the C library of the root once something was built for the time before there is one', async () => {
    const system = sample();
    const early: System = {
      ...system,
      strata: system.strata.map((stratum) => ({
        ...stratum,
        chunks: stratum.chunks.map((chunk) => ({
          ...chunk,
          mode: stratum.name === 'base' ? 'prelibc' : chunk.mode,
        })),
      })),
    };
    const loader = '/lib/ld-linux-aarch64.so.1';
    expect(scriptOf((await planOf(early)).chunk('tools/zlib'))).toContain(`CCWRAP_DYNAMIC_LINKER=${loader}`);
    expect(scriptOf((await planOf(early)).chunk('base/libc'))).not.toContain('CCWRAP');
    expect(scriptOf((await planOf(system)).chunk('tools/zlib'))).not.toContain('CCWRAP');
    // Before /tools, and after what the system itself has.
    expect((await planOf(early)).chunk('tools/zlib').recipe.env['PATH']).toBe(
      '/tools/distcc:/usr/bin:/bin:/usr/sbin:/sbin:/tools/bin',
    );
  });

  test('takes a version from the lock that no set has chosen', async () => {
    const extra = { ...repository.lock.sources[0], name: 'other', version: '3' };
    const lock = { ...repository.lock, sources: [...repository.lock.sources, extra] } as Repository['lock'];
    const system = sample({
      'strata/tools.morph': String(sampleDefinitions['strata/tools.morph'])
        .replace('lock:zlib', 'lock:other')
        .replace('1.3.1', "'3'"),
    });
    const { plan } = await planOf(system, {}, { ...repository, lock });
    expect(plan.sources).toContainEqual(expect.objectContaining({ name: 'other', version: '3' }));
    const missing = { system, pins: new Map(), check: false, host: 'i686' } as const;
    expect(await planSystem(repository, missing)).toMatchObject({
      ok: false,
      failure: {
        reason: 'bad-input',
        file: 'systems/small.morph',
        faults: [{ message: expect.stringContaining('tools/zlib wants other 3') as string }],
      },
    });
  });

  test('is narrowed to chunks by name or id, with what they need', async () => {
    const { plan } = await planOf(sample(), { only: ['zlib'] });
    const names = plan.actions.map(({ name }) => name as string);
    expect(names.filter((name) => name.startsWith('chunk-'))).toEqual(
      ['base/first-libc', 'base/libc', 'tools/zlib'].map((id) => `chunk-aarch64-${id}`),
    );
    const unknown = { system: sample(), pins: new Map(), check: false, only: ['zlob'] };
    expect(await planSystem(repository, unknown)).toMatchObject({
      ok: false,
      failure: { reason: 'unknown-name', kind: 'chunk', nearest: ['zlib'] },
    });
  });

  test('has tests only if they are asked for, and only building in parallel', async () => {
    const file = `name: zlib
kind: chunk
build-commands: [make]
test-commands: [make check]
install-commands: [make install]
x-bootstrap: {test-commands: [./own-test]}
`;
    const system = sample({
      'packages/zlib.morph': file,
      'strata/tools.morph': String(sampleDefinitions['strata/tools.morph']).replace(
        'build-system: autotools',
        'morph: packages/zlib.morph',
      ),
    });
    const without = scriptOf((await planOf(system)).chunk('tools/zlib'));
    expect(without).not.toContain('test');
    const lines = scriptOf((await planOf(system, { check: true })).chunk('tools/zlib')).split('\n');
    expect(lines.filter((line) => line.startsWith('run '))).toEqual([
      'run build make',
      "run test 'make check'",
      'run test ./own-test',
      "run install 'make install'",
    ]);
  });
});

describe('the machine that builds', () => {
  /** The sample's system for another arch. */
  const systemFor = (arch: string): System => ({ ...sample(), arch });
  const zlib = (arch: string) => chunkActionName(arch, 'tools/zlib');

  test('is a guest of another arch, if that runs the programs; it says it is the one that is built for', async () => {
    const own = await planOf(systemFor('armv5l'));
    const other = await planOf(systemFor('armv5l'), { builder: 'armv7l' });
    expect(own.action(zlib('armv5l')).recipe.platform).toEqual({ os: 'linux', cpu: 'armv5l' });
    const { recipe } = other.action(zlib('armv5l'));
    expect(recipe.platform).toEqual({ os: 'linux', cpu: 'armv7l', alsoRuns: ['armv5l'] });
    expect(recipe.env['PATH']).toMatch(/^\/build\/machine:\/tools\/distcc:/);
    expect(scriptOf(other.action(zlib('armv5l')))).toMatch(/uname .*armv5tel/s);
    expect(other.ids.get(zlib('armv5l'))).not.toBe(own.ids.get(zlib('armv5l')));
    const { guests } = other.planned;
    expect([guests.arch.name, guests.alsoRuns]).toEqual(['armv7l', ['armv5l']]);
    expect(guests.plan.goals).toContain('system-image-armv7l/assemble');
    expect(other.action('system-armv5l/small').recipe.platform).toMatchObject({
      cpu: 'armv7l',
      superuser: true,
    });
  });

  test('is this one where it runs the programs, but not for what takes a root who may do everything', async () => {
    const { action, planned } = await planOf(systemFor('x86_32'));
    const { recipe } = action(zlib('i686'));
    expect(recipe).toMatchObject({ platform: { cpu: 'x86_64', alsoRuns: ['i686'] }, env: {} });
    expect(recipe.compileServer).toBeUndefined();
    expect(recipe.env['PATH']).not.toContain('distcc');
    expect(recipe.commands.at(-1)).toMatchObject({ argv: expect.arrayContaining(['linux32']) as unknown });
    const devices = action(chunkActionName('i686', 'base/libc')).recipe.platform;
    expect(devices).toEqual({ os: 'linux', cpu: 'i686', superuser: true });
    expect(action('system-i686/small').recipe.platform).toEqual(devices);
    expect([planned.guests.arch.name, planned.guests.alsoRuns]).toEqual(['i686', []]);
    const inGuests = await planOf(systemFor('x86_32'), { builder: 'i686' });
    expect(inGuests.action(zlib('i686')).recipe.platform).toEqual({ os: 'linux', cpu: 'i686' });
  });

  test.each([
    ['armv5l', 'aarch64', /do not run on a machine of the arch aarch64/],
    ['armv8l64', 'build', /do not run on this machine/],
    ['x86_64', 'x86_64', /is of that arch itself/],
  ])('cannot be one that does not run them: %s, built by %s', async (arch, builder, why) => {
    const wanted = { system: systemFor(arch), pins: new Map(), check: false, host: 'i686', builder };
    expect(await planSystem(repository, wanted)).toMatchObject({
      ok: false,
      failure: { reason: 'bad-option', option: '--builder', why: expect.stringMatching(why) as unknown },
    });
  });
});

describe('the id of a chunk', () => {
  const own = {
    chunk: chunkActionName('aarch64', 'tools/zlib'),
    split: artefactActionName('aarch64', 'tools/zlib'),
  };

  /** Which of the two ids of a chunk change. */
  async function changes(change: {
    system?: System;
    wanted?: Partial<SystemWanted>;
    from?: Repository;
  }): Promise<readonly string[]> {
    const before = (await planOf(sample())).ids;
    const after = (await planOf(change.system ?? sample(), change.wanted, change.from)).ids;
    const recipes = (['chunk', 'split'] as const).filter(
      (name) => before.get(own[name]) !== after.get(own[name]),
    );
    return recipes;
  }

  test.each<[string, Parameters<typeof changes>[0]]>([
    ['a prefix', { system: withChunk({ prefix: '/opt' }) }],
    ['a build mode', { system: withChunk({ mode: 'prelibc' }) }],
    ['a command', { system: withChunk({ commands: { 'build-commands': ['make all'] } }) }],
    [
      'a device',
      {
        system: withChunk({
          devices: [{ path: '/dev/x', type: 'c', major: 1, minor: 2, permissions: 0o600, uid: 0, gid: 0 }],
        }),
      },
    ],
    ['a source', { system: withChunk({ source: { kind: 'locked', name: 'm4', version: '1.4.19' } }) }],
    ['a root who gives files away', { system: withChunk({ extensions: { superuser: true } }) }],
    ['help by distcc', { system: withChunk({ extensions: { distcc: false } }) }],
  ])('changes with %s', async (_, change) => {
    expect(await changes(change)).toEqual(['chunk', 'split']);
  });

  test.each<[string, string]>([
    ['the compiler', 'patches/gcc/'],
    ['the toolbox', 'patches/busybox/'],
  ])('changes with %s', async (_, directory) => {
    const files = new Map([...repository.files].filter(([path]) => !path.startsWith(directory)));
    expect(files.size).toBeLessThan(repository.files.size);
    expect(await changes({ from: { ...repository, files } })).toEqual(['chunk', 'split']);
  });

  test('stays when its products or what it needs when it runs change, which the split tells', async () => {
    const products = [{ artifact: 'zlib-tools', include: ['usr/bin/.*'] }];
    expect(await changes({ system: withChunk({ products }) })).toEqual(['split']);
    const runtimeDepends = ['nano'];
    expect(await changes({ system: withChunk({ extensions: { runtimeDepends } }) })).toEqual(['split']);
  });

  test.each<[string, Parameters<typeof changes>[0]]>([
    [
      'commands for systems that hold it',
      { system: withChunk({ integration: { 'zlib-bins': { '00-x': ['true'] } } }) },
    ],
    ['a name for people', { system: withChunk({ file: 'elsewhere.morph' }) }],
  ])('stays with %s', async (_, change) => {
    expect(await changes(change)).toEqual([]);
  });
});

describe('what a system installs', () => {
  test('is what belongs to the artefacts that it names, and nothing that is for building alone', () => {
    const system = sample();
    const chosen = (artifacts?: readonly string[]) =>
      installedChunks({
        ...system,
        contents: [{ stratum: 'strata/base.morph', ...(artifacts === undefined ? {} : { artifacts }) }],
      }).map(({ chunk, artefacts, whole }) => [chunk.id, artefacts, whole]);
    expect(chosen()).toEqual([['base/libc', ['libc-gconv', 'libc-devel', 'libc-runtime'], true]]);
    // The stratum's rule takes what ends in -runtime, which its list of chunks says of this one too.
    expect(chosen(['base-runtime'])).toEqual([['base/libc', ['libc-runtime'], false]]);
    expect(chosen(['base-devel'])).toEqual([]);
  });

  test('is integrated in the order of the names of commands', () => {
    const [libc] = installedChunks({ ...sample(), contents: [{ stratum: 'strata/base.morph' }] });
    if (libc === undefined) throw new Error('no chunk');
    const integration = {
      'libc-runtime': { '10-b': ['b'], '00-ldconfig': ['ldconfig', 'true'] },
      'libc-devel': { '05-c': ['c'] },
      elsewhere: { '00-no': ['no'] },
    };
    const chunk = { ...libc.chunk, integration };
    expect(integrationCommands([{ ...libc, chunk }])).toEqual(['ldconfig', 'true', 'c', 'b']);
  });

  test('is composed on its arch, of what its chunks left', async () => {
    const { action } = await planOf(sample());
    const { recipe } = action('system-aarch64/small');
    expect(recipe.platform).toEqual({ os: 'linux', cpu: 'aarch64', superuser: true });
    const parts = recipe.inputs.filter(({ path }) => path.startsWith('/chunks/'));
    expect(parts.map(({ path, refs }) => [path, refs[0]])).toEqual([
      ['/chunks/0000/installed', { kind: 'output', action: 'chunk-aarch64-tools/zlib', output: 'installed' }],
      [
        '/chunks/0000/manifest',
        { kind: 'output', action: 'artefact-aarch64-tools/zlib', output: 'manifest' },
      ],
      ['/chunks/0001/installed', { kind: 'output', action: 'chunk-aarch64-tools/nano', output: 'installed' }],
      [
        '/chunks/0001/manifest',
        { kind: 'output', action: 'artefact-aarch64-tools/nano', output: 'manifest' },
      ],
    ]);
    expect(scriptOf(action('system-aarch64/small'))).toContain('\nadd 0000 tools/zlib 1.3.1 zlib-runtime\n');
  });

  test('can be a choice of chunks with files and commands around them', async () => {
    const system = sample();
    const zlib = system.strata.flatMap(({ chunks }) => chunks).find(({ name }) => name === 'zlib');
    if (zlib === undefined) throw new Error('no zlib');
    const digest = filesDigest;
    const root = {
      title: 'own root',
      installed: [{ chunk: zlib, artefacts: ['zlib-runtime'], whole: true }],
      preInstall: ['mkdir a'],
      postInstall: ['touch b'],
      after: { kind: 'directory', name: 'files', digest } as const,
    };
    const { action, plan } = await planOf(system, { root, formats: ['oci'] });
    const composed = action('system-aarch64/own-root');
    const lines = scriptOf(composed).split('\n');
    expect(lines.slice(lines.indexOf('. /functions') + 1, -2)).toEqual([
      "outside 'mkdir a'",
      'add 0000 tools/zlib 1.3.1',
      'directories',
      'overlay /overlays/after',
      "inside 'touch b'",
    ]);
    expect(composed.recipe.inputs).toContainEqual(
      expect.objectContaining({ path: '/overlays/after', refs: [root.after] }),
    );
    expect(plan.products.map(({ name }) => name)).toEqual(['own-root.oci']);
  });

  test('runs again for commands that it integrates with, and no chunk does', async () => {
    const before = await planOf(sample());
    const integration = { 'zlib-runtime': { '00-x': ['true'] } };
    const after = await planOf(withChunk({ integration }));
    const changed = [...after.ids].filter(([name, id]) => before.ids.get(name) !== id).map(([name]) => name);
    expect(changed).toEqual(['system-aarch64/small']);
  });
});

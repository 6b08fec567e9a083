import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { processStamp } from '../../src/core/process-stamp.ts';
import { repositoryCopy, run, testSession } from './rig.ts';

describe('wrong use', () => {
  test.each([
    [['armv5x'], "there is no arch named 'armv5x'\n  Did you mean armv5l"],
    [['image', 'amrv5l'], "there is no arch named 'amrv5l'\n  Did you mean armv5l"],
    [
      ['--host', 'i686', 'image', 'armv5l'],
      'the command image must be the first word\n  Write `bootstrap image …`, with the options after it.',
    ],
    [['build', 'image', 'armv5l'], 'the command image must be the first word'],
    [['plan', 'x86_46'], "there is no arch named 'x86_46'\n  Did you mean x86_64"],
    [['run', 'armv5x'], "there is no arch named 'armv5x'"],
    [['armv5l', '--host', 'i886'], "there is no host named 'i886'\n  Did you mean i686"],
    [['armv5l', '--until', 'kernle'], "there is no stage named 'kernle'\n  Did you mean kernel"],
    [['plan', 'armv5l', '--only', 'linux'], "there is no stage named 'linux'"],
    [['armv5l', '--only-action', 'host-tools/bosybux'], 'Did you mean host-tools/busybox'],
    [
      ['log', 'host-tools/bosybux'],
      "there is no action named 'host-tools/bosybux'\n  Did you mean host-tools/busybox",
    ],
    [['log', 'host-tools/busybox'], 'action host-tools/busybox has never run with the store'],
    [
      ['log', 'nope'],
      "bootstrap: there is no action named 'nope'\n  `bootstrap plan ARCH` lists the actions for an arch.\n",
    ],
    [
      ['armv5l', '--only-action', 'nope'],
      "bootstrap: there is no action named 'nope'\n  `bootstrap plan ARCH` lists the actions for an arch.\n",
    ],
    [
      ['lst'],
      "bootstrap: there is no command or arch named 'lst'\n  Did you mean list?\n" +
        '  `bootstrap --help` lists the commands, and `bootstrap list arches` the arches.\n',
    ],
    [['armv5l-', '--host', 'i686'], "there is no arch named 'armv5l-'\n  Did you mean armv5l"],
    [['frobnicate'], "there is no command or arch named 'frobnicate'\n  `bootstrap --help` lists"],
    [['build', 'lst'], "there is no arch named 'lst'\n  Known arch names: "],
    [
      ['fetch', 'nope'],
      "there is no source or arch named 'nope'\n  `bootstrap list sources` and `bootstrap list arches` list them.",
    ],
    [
      ['armv5l', '--until', 'nope'],
      'root-filesystem, root-filesystem-armv5l, system-image, system-image-armv5l\n',
    ],
    [['list', 'arch'], "there is no list named 'arch'\n  Did you mean arches"],
    [['fetch', 'gccc'], "there is no source or arch named 'gccc'\n  Did you mean gcc"],
    [
      ['run', 'armv5l', '--out', 'nowhere'],
      'Make one with: bootstrap image armv5l --with-native --out nowhere',
    ],
    [
      ['armv5l', '--hosst', 'i686'],
      "bootstrap: unknown option '--hosst'\n  (Did you mean --host?)\n  `bootstrap build --help` shows its usage.\n",
    ],
    [
      ['armv5l', '--events', 'nowhere/events.jsonl'],
      'bootstrap: --events nowhere/events.jsonl: cannot be opened for writing (ENOENT)\n' +
        '  Name a file that you can write to, in a directory that exists, or omit --events.\n',
    ],
    [['armv5l', '--events', '.'], 'bootstrap: --events .: cannot be opened for writing (EISDIR)\n'],
    [['armv5l', '-j', '0'], 'It must be a whole number from 1 to 9999.'],
    [['armv5l', '-j', 'many'], 'It must be a whole number from 1 to 9999.'],
    [['armv5l', '--mirror', 'nowhere'], 'It must be an absolute URL'],
    [['armv5l', '--mirror', 'ftp://nowhere/'], 'It must be an absolute URL'],
    [['armv5l', '--accept-variant', 'gccc'], "there is no source named 'gccc'\n  Did you mean gcc"],
    [['armv5l', '--store', '/proc/store'], 'cannot write to /proc/store'],
    [['armv5l', '--out', ''], 'It must not be empty.'],
    [
      ['armv5l', '--until', 'kernel', '--only', 'kernel'],
      "option '--until <STAGE>' cannot be used with option '--only <STAGE>'",
    ],
    [['plan', 'armv5l', '--json', '--dot'], "option '--json' cannot be used with option '--dot'"],
    [['plna', 'armv5l'], 'Did you mean plan'],
    [['plan'], "missing required argument 'ARCH'"],
    [[], 'Usage: bootstrap ARCH [options]'],
  ])('%j', async (argv, message) => {
    const session = testSession();
    const result = await run(session, ...argv);
    expect(result.err).toContain(message);
    expect(result.err).not.toMatch(/\n +at /);
    expect(result.code).toBe(2);
    expect(result.out).toBe('');
  });
});

test('without a home there is no store, and none in the temp directory', async () => {
  const session = testSession({ env: { HOME: 'nowhere' } });
  const result = await run(session, 'log', 'host-tools/busybox');
  expect(result).toEqual({
    code: 2,
    out: '',
    err:
      'bootstrap: you have no home directory in which the store could be kept\n' +
      '  Name a directory of your own with --store, BOOTSTRAP_STORE or XDG_CACHE_HOME.\n',
  });
});

test.each([
  [['log', 'host-tools/busybox'], 'has never run with the store'],
  [['record', 'armv5l'], 'record'],
])('%j makes no store where there is none', async (argv, message) => {
  const session = testSession();
  const result = await run(session, ...argv, '--store', 'none');
  expect(result.err).toContain(message);
  expect(result.code).toBe(2);
  expect(existsSync(path.join(session.home, 'none'))).toBe(false);
});

describe('bad input', () => {
  test('a malformed lock, with file, line and field of all faults', async () => {
    const copy = repositoryCopy();
    const lock = path.join(copy, 'sources.lock');
    const written = JSON.parse(readFileSync(lock, 'utf8')) as { sources: Record<string, unknown>[] };
    delete written.sources[0]?.['licence'];
    Object.assign(written.sources[1] ?? {}, { tree: 'xyz' });
    writeFileSync(lock, JSON.stringify(written, undefined, 2));
    const result = await run(testSession({ repository: copy }), 'plan', 'armv5l');
    expect(result.code).toBe(2);
    expect(result.err).toContain('sources.lock has 2 faults');
    expect(result.err).toMatch(/sources\.lock:\d+: sources\[0\]/);
    expect(result.err).toMatch(/sources\.lock:\d+: sources\[1\]\.tree/);
  });

  test('a lock that is cut off', async () => {
    const copy = repositoryCopy();
    const lock = path.join(copy, 'sources.lock');
    writeFileSync(lock, readFileSync(lock, 'utf8').slice(0, 500));
    const result = await run(testSession({ repository: copy }), 'armv5l');
    expect(result.code).toBe(2);
    expect(result.err).toContain('is not JSON');
  });

  test('a lock that is missing', async () => {
    const copy = repositoryCopy();
    rmSync(path.join(copy, 'sources.lock'));
    const result = await run(testSession({ repository: copy }), 'plan', 'armv5l');
    expect(result.code).toBe(2);
    expect(result.err).toContain('sources.lock: cannot be read (ENOENT)');
  });
});

describe('what a machine lacks', () => {
  test('an emulator, with the package that brings it', async () => {
    const session = testSession({ env: { PATH: '/nowhere' } });
    const image = path.join(session.home, 'out/armv5l/system-image-armv5l');
    mkdirSync(image, { recursive: true });
    writeFileSync(path.join(image, 'run-emulator.sh'), '#!/bin/sh\n', { mode: 0o755 });
    const result = await run(session, 'run', 'armv5l', '--out', 'out');
    expect(result.code).toBe(1);
    expect(result.err).toBe(
      'bootstrap: qemu-system-arm is missing; it is needed for booting armv5l\n' +
        '  Install it; on Debian: apt-get install qemu-system-arm\n',
    );
  });

  test('an emulator where only a file of its name is', async () => {
    const session = testSession();
    const image = path.join(session.home, 'out/armv5l/system-image-armv5l');
    mkdirSync(image, { recursive: true });
    writeFileSync(path.join(image, 'run-emulator.sh'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(path.join(session.home, 'qemu-system-arm'), '', { mode: 0o644 });
    const poor = { ...session, env: { PATH: session.home } };
    expect((await run(poor, 'run', 'armv5l', '--out', 'out')).err).toContain('qemu-system-arm is missing');
  });

  test('a place to write products, found before anything else is done', async () => {
    const session = testSession();
    writeFileSync(path.join(session.home, 'file'), '');
    const result = await run(session, 'armv5l', '--out', 'file/out');
    expect(result.code).toBe(2);
    expect(result.err).toContain(`cannot write to ${session.home}/file/out/armv5l`);
    expect(readdirSync(session.home)).toEqual(['file']);
  });
});

describe('what a killed run left', () => {
  test.each([
    ['log', ['log', 'host-tools/busybox']],
    ['fetch', ['fetch', 'busybox', '--offline']],
  ])('is removed by %s, which says so before', async (_, argv) => {
    const session = testSession();
    await run(session, 'log', 'host-tools/busybox');
    const [, , namespace = ''] = processStamp().split('.');
    const left = path.join(session.home, `.cache/bootstrap/scratch/999999.1.${namespace}-unpack-gcc-00`);
    mkdirSync(path.join(left, 'tree'), { recursive: true });
    const { err } = await run(session, ...argv);
    expect(err).toMatch(/^bootstrap: removing 1 leftover of killed runs from the store …\n/);
    expect(existsSync(left)).toBe(false);
    expect((await run(session, ...argv)).err).not.toContain('removing');
  });
});

describe('plan', () => {
  test('touches neither store nor out directory', async () => {
    const session = testSession();
    const result = await run(session, 'plan', 'armv5l', '--host', 'i686');
    expect(result.code).toBe(0);
    expect(result.out).toMatch(/^Sources\n/);
    expect(result.out).toMatch(/\n {2}[0-9a-f]{12} {2}host-tools\/busybox: /);
    expect(result.out).toContain('\n  cross-compiler-armv5l-i686.tar.gz: ');
    expect(readdirSync(session.home)).toEqual([]);
  });

  test('takes an alias for the arch that it is one of', async () => {
    const [alias, name] = await Promise.all([
      run(testSession(), 'plan', 'arm926', '--host', 'i686'),
      run(testSession(), 'plan', 'armv5l', '--host', 'i686'),
    ]);
    expect(alias.out).toBe(name.out);
  });

  test('as JSON holds recipes and plan ids', async () => {
    const result = await run(testSession(), 'plan', 'armv5l', '--json');
    const plan = JSON.parse(result.out) as { actions: { name: string; planId: string; recipe: unknown }[] };
    expect(plan.actions.every(({ planId }) => /^[0-9a-f]{64}$/.test(planId))).toBe(true);
    expect(plan.actions.find(({ name }) => name === 'host-tools/busybox')?.recipe).toBeDefined();
  });

  test('as a graph names every action once as a node', async () => {
    const result = await run(testSession(), 'plan', 'armv5l', '--dot');
    expect(result.out).toMatch(/^digraph plan \{\n/);
    expect(result.out.match(/"host-tools\/busybox" \[label="busybox"\]/g)).toHaveLength(1);
    expect(result.out).toContain('"host-tools/busybox" -> "host-tools/make"');
  });

  test('narrows to one action with what it needs', async () => {
    const result = await run(testSession(), 'plan', 'armv5l', '--only-action', 'host-tools/busybox');
    expect(result.out).toContain('\n1 action, 1 source\n');
    expect(result.out).not.toContain('Products');
  });

  test('of an image has no compiler but those that it needs', async () => {
    const result = await run(testSession(), 'plan', 'armv5l', '--image', '--target-compiler', 'build');
    expect(result.out).not.toContain('cross-compiler');
    expect(result.out).not.toContain('native-compiler-armv5l/');
    expect(result.out).toContain('system-image-armv5l');
    // By the compiler for the host, that is one that could be released, and nothing of it is packed.
    const hosted = await run(testSession(), 'plan', 'armv5l', '--image', '--host', 'i686');
    expect(hosted.out).toContain('cross-compiler-armv5l-i686/gcc');
    expect(hosted.out).not.toContain('cross-compiler-armv5l-i686/assemble');
    expect(hosted.out).not.toContain('native-compiler-armv5l/');
  });

  test.each([
    ['m68k', 'do not run on this machine'],
    ['pdp11', 'pdp11'],
  ])('by the compiler on %s is refused', async (name, why) => {
    const result = await run(testSession(), 'plan', 'armv5l', '--target-compiler', name);
    expect(result.code).toBe(2);
    expect(result.err).toContain(why);
    expect(result.err).not.toContain('    at ');
  });
});

describe('list', () => {
  test('knows arches, stages, sources and sets of versions', async () => {
    const result = await run(testSession(), 'list');
    expect(result.code).toBe(0);
    expect(result.out).toMatch(
      /^arches:\n[^]*\n {2}armv5l +32-bit ARM[^]*\nstages:\n[^]*\nsources:\n[^]*\nversions:\n/,
    );
  });

  test('as JSON', async () => {
    const result = await run(testSession(), 'list', 'arches', '--json');
    const { arches } = JSON.parse(result.out) as { arches: { name: string; triple: string }[] };
    expect(arches).toContainEqual(
      expect.objectContaining({ name: 'armv5l', triple: 'armv5l-linux-musleabi' }),
    );
  });
});

describe('help', () => {
  test('names the settings of the emulator', async () => {
    const { out } = await run(testSession(), 'run', '--help');
    for (const name of ['QEMU_MEMORY', 'QEMU_EXTRA', 'KERNEL_EXTRA']) expect(out).toContain(`  ${name} `);
  });

  test('shows no default that says nothing', async () => {
    for (const command of ['build', 'image', 'fetch']) {
      expect((await run(testSession(), command, '--help')).out).not.toContain('[]');
    }
  });

  test.each([['--help'], ['plan', '--help'], ['build', '--help'], ['--version']].map((argv) => [argv]))(
    '%j ends well and writes to standard output',
    async (argv) => {
      const result = await run(testSession(), ...argv);
      expect(result.code).toBe(0);
      expect(result.err).toBe('');
      expect(result.out).not.toBe('');
    },
  );
});

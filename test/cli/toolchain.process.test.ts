import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildCommand } from '../../src/cli/build-command.ts';
import { createDirectoryProvider } from '../../src/repository/overlay.ts';
import { parseManifest } from '../../src/release/manifest.ts';
import { selectPlan, type PlanRequest, type SelectedPlan } from '../../src/repository/select-plan.ts';
import { planIds } from '../../src/plan/bind.ts';
import { openTestStore } from '../store/temporary-store.ts';
import { writeFakeToolchain, type FakeToolchain } from './fake-toolchain.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, run, temporaryDirectory, testSession } from './rig.ts';

function written(toolchain: FakeToolchain = {}): string {
  return writeFakeToolchain(path.join(temporaryDirectory(), 'cross'), toolchain);
}

function request(prefix: string, more: Partial<PlanRequest> = {}): PlanRequest {
  const toolchain = { prefix, cwd: '/', searchPath: process.env['PATH'] ?? '' };
  return { arch: 'armv5l', host: 'i686', goal: { kind: 'image', withNative: false }, toolchain, ...more };
}

async function selected(prefix: string, more: Partial<PlanRequest> = {}): Promise<SelectedPlan> {
  const plan = await selectPlan(repository, request(prefix, more));
  if (!plan.ok) throw new Error(JSON.stringify(plan.failure));
  return plan.value;
}

async function refused(...argv: string[]): Promise<string> {
  const session = testSession();
  const result = await run(session, ...argv);
  expect(result.code).toBe(2);
  expect(result.err).not.toMatch(/\n +at /);
  expect(result.err.match(/^bootstrap: /gm)).toHaveLength(1);
  expect(result.out).toBe('');
  return result.err;
}

const image = (prefix: string, arch = 'armv5l') => refused('plan', 'image', arch, '--toolchain', prefix);

describe('a toolchain that does not serve', () => {
  test('is not there: Debian has a package where its name is one of theirs', async () => {
    expect(await image('nosuch-linux-gnueabi-')).toBe(
      'bootstrap: the toolchain nosuch-linux-gnueabi- does not exist: there is no nosuch-linux-gnueabi-gcc in PATH\n' +
        '  Install it; on Debian: apt-get install gcc-nosuch-linux-gnueabi\n',
    );
    expect(await image('/nowhere/no_such-linux-gnu-')).toContain(
      'there is no no_such-linux-gnu-gcc in /nowhere\n' +
        '  Install it; on Debian: apt-get install gcc-no-such-linux-gnu\n',
    );
    expect(await image('/nowhere/thing-')).toContain(
      'there is no thing-gcc in /nowhere\n' +
        '  Give what precedes `gcc` in the names of its programs, with the directory if that is not in PATH.\n',
    );
  });

  test('was written otherwise', async () => {
    const prefix = written();
    const top = path.dirname(path.dirname(prefix));
    for (const wrong of [prefix.slice(0, -1), `${prefix}gcc`, top, path.join(top, 'bin')]) {
      expect(await image(wrong), wrong).toContain(`. Did you mean ${prefix}?\n`);
    }
  });

  test('lacks a program', async () => {
    const prefix = written({ without: ['objcopy'] });
    expect(await image(prefix)).toContain(`there is no thing-objcopy in ${path.dirname(prefix)}\n`);
    const debian = written({ without: ['strip'], name: 'x_y-linux-gnu-' });
    expect(await image(debian)).toContain('apt-get install binutils-x-y-linux-gnu\n');
  });

  test('does not run', async () => {
    const prefix = written({ first: 'echo "no such loader" >&2; exit 127' });
    expect(await image(prefix)).toBe(
      `bootstrap: the toolchain ${prefix} does not run on this machine: no such loader\n` +
        `  Try: ${prefix}gcc --version\n`,
    );
  });

  test('does not compile', async () => {
    const broken = written({ first: `[ "$1" != -c ] || { echo 'cc1: error: no cc1' >&2; exit 1; }` });
    expect(await image(broken)).toContain(`the toolchain ${broken} does not compile C: cc1: error: no cc1\n`);
    const other = written({ first: `[ "$1" != -c ] || { echo wasm >"$3"; exit 0; }` });
    expect(await image(other)).toContain('does not compile C: its output is not an ELF object\n');
  });

  test('has no static C library', async () => {
    const prefix = written({
      first: `[ "$1" != -static ] || { echo 'ld: warning: x'; echo 'ld: cannot find -lc' >&2; exit 1; }`,
    });
    expect(await image(prefix)).toBe(
      `bootstrap: the toolchain ${prefix} has no static C library: ld: cannot find -lc\n` +
        '  Install the C library for it, with headers and libc.a.\n',
    );
  });

  test('is for another arch', async () => {
    const prefix = written();
    expect(await image(prefix, 'riscv64')).toBe(
      `bootstrap: the toolchain ${prefix} (arm-thing-linux-gnueabi) does not build for riscv64: ` +
        'its processor is arm, but must be riscv32/riscv64; its word size is 32 bits, but must be 64\n' +
        '  Name one for riscv64-linux-musl or riscv64-linux-gnu, or one with the same processor, word size, byte order and ABI.\n',
    );
  });

  test('uses parts from outside its directory', async () => {
    const elsewhere = path.join(temporaryDirectory(), 'libgcc.a');
    writeFileSync(elsewhere, '');
    const prefix = written({ libgcc: elsewhere });
    expect(await image(prefix)).toContain(
      `${prefix}gcc uses parts from outside ${path.dirname(path.dirname(prefix))}\n  ${elsewhere} is one of them.`,
    );
  });

  test.runIf(process.getuid?.() !== 0)('has a file that may not be read', async () => {
    const prefix = written();
    const file = path.join(path.dirname(prefix), '../lib/secret');
    writeFileSync(file, '');
    chmodSync(file, 0);
    expect(await image(prefix)).toMatch(/lib\/secret cannot be read \(EACCES\)\n/);
  });

  test.each([
    [
      ['image', 'armv5l', '--with-native'],
      ': cannot be combined with --with-native: only our own stage 1 builds ',
    ],
    [
      ['plan', 'image', 'armv5l', '--with-native'],
      ': cannot be combined with --with-native: only our own stage 1 builds ',
    ],
    [['plan', 'armv5l'], 'Build the image: `bootstrap image armv5l --toolchain x-`.'],
    [['armv5l'], ': builds only an image: compilers are built by our own stage 1\n'],
  ])('is asked for a compiler: %j', async (argv, message) => {
    expect(await refused(...argv, '--toolchain', 'x-')).toContain(message);
  });

  test('has no name', async () => {
    expect(await refused('image', 'armv5l', '--toolchain', '')).toContain('It must not be empty.');
  });
});

describe('a plan with an external toolchain', () => {
  test('has no compiler of ours, and says nothing of this machine', async () => {
    const prefix = written();
    const session = testSession();
    const { code, out } = await run(session, 'plan', 'image', 'armv5l', '--toolchain', prefix, '--json');
    expect(code).toBe(0);
    expect(out).not.toContain(path.dirname(prefix));
    expect(out).not.toMatch(/"name": "(?:stage-1|native-compiler|cross-compiler)/);
    expect(out).toContain('CROSS_COMPILE=/toolchain/bin/thing-');
  });

  test('follows the bytes of its files, and not the place', async () => {
    const [one, other] = [written(), written()];
    const ids = planIds((await selected(one)).plan);
    expect(planIds((await selected(other)).plan)).toEqual(ids);
    const link = path.join(temporaryDirectory(), 'link');
    symlinkSync(path.dirname(path.dirname(one)), link);
    expect(planIds((await selected(path.join(link, 'bin/thing-'))).plan)).toEqual(ids);
    writeFileSync(path.join(path.dirname(other), '../lib/libgcc.a'), '!<arch>\nmore');
    const changed = [...planIds((await selected(other)).plan)].filter(([name, id]) => ids.get(name) !== id);
    expect(changed.map(([name]) => name)).toContain('kernel-armv5l/linux');
  });

  test('finds it in PATH, past a compiler cache, and follows a link to where it lies', async () => {
    const prefix = written();
    const bin = path.join(temporaryDirectory(), 'bin');
    const cache = path.join(temporaryDirectory(), 'cache');
    for (const directory of [bin, cache]) mkdirSync(directory);
    writeFileSync(path.join(cache, 'ccache'), '#!/bin/sh\n', { mode: 0o755 });
    for (const name of ['gcc', 'ld', 'as', 'ar', 'nm', 'objcopy', 'objdump', 'ranlib', 'readelf', 'strip']) {
      symlinkSync(`${prefix}${name}`, path.join(bin, `thing-${name}`));
    }
    symlinkSync('ccache', path.join(cache, 'thing-gcc'));
    const found = { prefix: 'thing-', cwd: '/', searchPath: `${cache}:${bin}:/usr/bin:/bin` };
    const { toolchain } = await selected('thing-', { toolchain: found });
    expect(toolchain).toMatchObject({
      name: 'thing-gcc',
      command: '/toolchain/bin/thing-',
      triple: 'arm-thing-linux-gnueabi',
      version: 'thing-gcc (a fake) 1.0',
      musl: false,
    });
  });

  test("knows the arch's own libc by the loader", async () => {
    const { toolchain } = await selected(written({ interpreter: '/lib/ld-musl-arm.so.1' }));
    expect(toolchain?.musl).toBe(true);
  });
});

describe('bringing a toolchain into the store', () => {
  test('gives the tree that the plan names, with links to directories and without empty ones', async () => {
    const prefix = written();
    const top = path.dirname(path.dirname(prefix));
    symlinkSync('lib', path.join(top, 'lib64'));
    mkdirSync(path.join(top, 'empty'));
    const { toolchain, directories } = await selected(prefix);
    const store = await openTestStore(path.join(temporaryDirectory(), 'store'));
    const digest = toolchain?.digest;
    if (digest === undefined) throw new Error('no toolchain');
    const provider = createDirectoryProvider(store, directories);
    expect(await provider.obtain('toolchain', digest)).toEqual({ ok: true, value: digest });
    expect(readFileSync(path.join(store.treePath(digest), 'toolchain/lib64/libgcc.a'), 'utf8')).toBe(
      '!<arch>\n',
    );
    expect(readdirSync(path.join(store.treePath(digest), 'toolchain')).sort()).toEqual([
      'bin',
      'lib',
      'lib64',
    ]);
  });

  test.each([
    ['changed', (file: string) => writeFileSync(file, 'other')],
    ['gone', (file: string) => rmSync(file)],
  ])('is refused when a file is %s after planning', async (_, change) => {
    const prefix = written();
    const { toolchain, directories } = await selected(prefix);
    const store = await openTestStore(path.join(temporaryDirectory(), 'store'));
    change(path.join(path.dirname(prefix), '../lib/libgcc.a'));
    const provider = createDirectoryProvider(store, directories);
    if (toolchain === undefined) throw new Error('no toolchain');
    expect(await provider.obtain('toolchain', toolchain.digest)).toEqual({
      ok: false,
      failure: { reason: 'changed-since-plan', what: 'the toolchain' },
    });
  });
});

describe('a build with a toolchain and further kernel symbols', () => {
  test('names both in the manifest', async () => {
    const session = testSession();
    const kernelConfig = path.join(session.home, 'fragment');
    writeFileSync(kernelConfig, '# CONFIG_IPV6 is not set\nCONFIG_KEXEC=y\n');
    const plan = request(written(), { kernelConfig });
    const chosen = await selectPlan(repository, plan);
    if (!chosen.ok) throw new Error(JSON.stringify(chosen.failure));
    const asked = { plan, sources: { offline: true, acceptVariants: [] }, jobs: 2, out: 'out' };
    const code = await buildCommand(session, asked, fakeContext({ selected: chosen.value }));
    expect(session.said.err).not.toContain('bootstrap:');
    expect(code).toBe(0);
    const manifest = parseManifest(readFileSync(path.join(session.home, 'out/armv5l/manifest.json'), 'utf8'));
    expect(manifest?.builds[0]?.options).toMatchObject({
      toolchain: {
        name: 'thing-gcc',
        version: 'thing-gcc (a fake) 1.0',
        triple: 'arm-thing-linux-gnueabi',
        digest: chosen.value.toolchain?.digest,
        dynamicLoader: false,
      },
      kernelConfig: ['# CONFIG_IPV6 is not set', 'CONFIG_KEXEC=y'],
    });
    expect(manifest?.sources.map(({ name }) => name)).not.toContain('musl');
  });
});

describe('further kernel symbols', () => {
  const config = (text: string): string => {
    const file = path.join(temporaryDirectory(), 'fragment');
    writeFileSync(file, text);
    return file;
  };

  test.each([[['plan', 'armv5l']], [['plan', 'image', 'armv5l']], [['image', 'armv5l']], [['armv5l']]])(
    'are refused with file and line by %j',
    async (argv) => {
      const file = config('CONFIG_A=y\nB=y\n');
      expect(await refused(...argv, '--kernel-config', file)).toContain(
        `${file}:2: must be CONFIG_NAME=VALUE or # CONFIG_NAME is not set, is B=y; is it CONFIG_B?\n`,
      );
    },
  );

  test('are refused where there is no file', async () => {
    expect(await refused('plan', 'armv5l', '--kernel-config', '/nowhere/fragment')).toBe(
      'bootstrap: the kernel configuration /nowhere/fragment does not exist\n' +
        '  Name a file with lines such as CONFIG_KEXEC=y and # CONFIG_IPV6 is not set.\n',
    );
    expect(await refused('plan', 'armv5l', '--kernel-config', '/')).toContain('cannot be read (EISDIR)');
  });

  test('change the kernel and what it is packed in, and nothing else', async () => {
    const goal = { kind: 'everything', withNative: true } as const;
    const ids = async (more: Partial<PlanRequest>) => {
      const plan = await selectPlan(repository, { arch: 'armv5l', host: 'i686', goal, ...more });
      if (!plan.ok) throw new Error(JSON.stringify(plan.failure));
      return planIds(plan.value.plan);
    };
    const before = await ids({});
    const after = await ids({ kernelConfig: config('CONFIG_PANIC_TIMEOUT=5\n') });
    expect(
      [...after]
        .filter(([name, id]) => before.get(name) !== id)
        .map(([name]) => name)
        .sort(),
    ).toEqual(['kernel-armv5l/linux', 'package/system-image-armv5l', 'system-image-armv5l/assemble']);
    expect(await ids({ kernelConfig: config('# nothing\n') })).toEqual(before);
    expect(await ids({ kernelConfig: config('CONFIG_PANIC_TIMEOUT=1\n') })).toEqual(before);
  });
});

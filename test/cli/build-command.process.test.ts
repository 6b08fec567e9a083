import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildCommand, type BuildRequest } from '../../src/cli/build-command.ts';
import { parseManifest, type Manifest } from '../../src/release/manifest.ts';
import { selectPlan, type PlanRequest } from '../../src/repository/select-plan.ts';
import type { ExitCode } from '../../src/cli/exit-code.ts';
import { storeDirectory } from '../../src/cli/session.ts';
import { writeLimit } from '../../src/store/limit.ts';
import type { FakeEnd, FakeExecutor } from '../executor/fake-executor.ts';
import { scriptArguments } from '../script.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, testSession, type TestSession } from './rig.ts';

interface Built {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
  readonly executor: FakeExecutor;
}

interface Options {
  readonly plan?: Partial<PlanRequest>;
  readonly edition?: string;
  readonly behaviour?: (name: string) => FakeEnd | undefined;
  readonly events?: string;
  readonly keepGoing?: boolean;
}

/** Builds everything for armv5l into `out` below the session's home, with a fake executor. */
async function build(session: TestSession, options: Options = {}): Promise<Built> {
  const plan: PlanRequest = {
    arch: 'armv5l',
    host: 'i686',
    goal: { kind: 'everything', withNative: true },
    ...options.plan,
  };
  const selected = await selectPlan(repository, plan);
  if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
  let executor: FakeExecutor | undefined;
  const open = fakeContext({
    selected: selected.value,
    ...(options.edition === undefined ? {} : { edition: options.edition }),
    ...(options.behaviour === undefined
      ? {}
      : { behaviour: ({ name }: { name: string }) => options.behaviour?.(name) ?? { exitCode: 1 } }),
    onExecutor: (made) => (executor = made),
  });
  const request: BuildRequest = {
    plan,
    sources: { offline: true, acceptVariants: [] },
    jobs: 2,
    out: 'out',
    ...(options.events === undefined ? {} : { events: options.events }),
    ...(options.keepGoing === undefined ? {} : { keepGoing: options.keepGoing }),
  };
  session.said.out = '';
  session.said.err = '';
  const code = await buildCommand(session, request, open);
  if (executor === undefined) throw new Error('no build context was opened');
  return { code, ...session.said, executor };
}

const place = (session: TestSession, ...parts: string[]): string =>
  path.join(session.home, 'out/armv5l', ...parts);

function manifestIn(session: TestSession): Manifest {
  const manifest = parseManifest(readFileSync(place(session, 'manifest.json'), 'utf8'));
  if (manifest === undefined) throw new Error('no manifest');
  return manifest;
}

const allProducts = [
  'cross-compiler-armv5l-i686.tar.gz',
  'native-compiler-armv5l.tar.gz',
  'root-filesystem-armv5l.tar.gz',
  'system-image-armv5l',
  'system-image-armv5l.tar.gz',
];

describe('a build', () => {
  test('leaves all products with manifest and sums, and nothing else', async () => {
    const session = testSession();
    const built = await build(session);
    expect(built.code).toBe(0);
    expect(built.executor.closed).toBe(1);
    expect(built.out).toContain('Products in out/armv5l, with manifest.json and SHA256SUMS:\n');
    expect(built.out).toMatch(/\n {2}host-tools +\S+ s +\d+(?:\.\d)? s +(\d+) of \1\n/);
    expect(readdirSync(place(session)).sort()).toEqual(
      ['SHA256SUMS', ...allProducts, 'manifest.json'].sort(),
    );
    const check = execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: place(session), encoding: 'utf8' });
    expect(check).toContain('system-image-armv5l/run-emulator.sh: OK\n');
    expect(check.trim().split('\n')).toHaveLength(7);
  });

  test('keeps executable bits and links in a directory', async () => {
    const session = testSession();
    await build(session);
    expect(statSync(place(session, 'system-image-armv5l/run-emulator.sh')).mode & 0o777).toBe(0o755);
    expect(statSync(place(session, 'system-image-armv5l/licences/linux')).mode & 0o777).toBe(0o644);
    expect(lstatSync(place(session, 'system-image-armv5l/newest')).isSymbolicLink()).toBe(true);
  });

  test('keeps the store within its limit, and loses nothing that its products need', async () => {
    const session = testSession();
    const store = storeDirectory(session, undefined);
    const treeCount = (): number => readdirSync(path.join(store, 'trees')).length / 2;
    await build(session);
    const before = treeCount();
    // The leases of this process's stores stand for running builds; each ends as its process would.
    for (const lease of readdirSync(path.join(store, 'leases'))) rmSync(path.join(store, 'leases', lease));
    expect(await writeLimit(store, 1)).toEqual({ ok: true });
    const kept = await build(session);
    expect(kept.code).toBe(0);
    expect(kept.err).toMatch(/the store was over its limit: removed\n[^]* are free; the store takes /);
    expect(treeCount()).toBeLessThan(before);
    const [root = ''] = readdirSync(path.join(store, 'roots'));
    const { runs } = JSON.parse(readFileSync(path.join(store, 'roots', root), 'utf8')) as {
      runs: { products: Record<string, string> }[];
    };
    expect(Object.keys(runs[0]?.products ?? {}).toSorted()).toEqual(allProducts);
    expect(treeCount()).toBe(new Set(Object.values(runs[0]?.products ?? {})).size);
    await writeLimit(store, undefined);
    const again = await build(session);
    expect(again.out).toMatch(/^nothing to do: everything is built/);
    expect(again.executor.calls).toEqual([]);
  });

  test('has nothing to do the second time', async () => {
    const session = testSession();
    await build(session);
    const again = await build(session);
    expect(again.executor.calls).toEqual([]);
    expect(again.out).toBe('nothing to do: everything is built, and the products are in out/armv5l\n');
    expect(again.code).toBe(0);
  });

  test('puts back a product that is gone or was changed, without building', async () => {
    const session = testSession();
    await build(session);
    rmSync(place(session, 'native-compiler-armv5l.tar.gz'));
    writeFileSync(place(session, 'system-image-armv5l/licences/linux'), 'changed');
    writeFileSync(place(session, 'system-image-armv5l/stranger'), '');
    const again = await build(session);
    expect(again.executor.calls).toEqual([]);
    expect(again.out).toContain('  native-compiler-armv5l.tar.gz\n');
    expect(again.out).toContain('  root-filesystem-armv5l.tar.gz (unchanged)\n');
    expect(existsSync(place(session, 'native-compiler-armv5l.tar.gz'))).toBe(true);
    expect(readFileSync(place(session, 'system-image-armv5l/licences/linux'), 'utf8')).toBe('text');
    expect(existsSync(place(session, 'system-image-armv5l/stranger'))).toBe(false);
  });

  test('makes a product again whose tree in the store is damaged', async () => {
    const session = testSession();
    await build(session);
    const trees = path.join(session.home, '.cache/bootstrap/trees');
    const holders = readdirSync(trees).filter((name) =>
      existsSync(path.join(trees, name, 'native-compiler-armv5l.tar.gz')),
    );
    expect(holders).toHaveLength(1);
    const file = path.join(trees, holders[0] ?? '', 'native-compiler-armv5l.tar.gz');
    rmSync(file);
    writeFileSync(file, 'other bytes');
    rmSync(place(session, 'native-compiler-armv5l.tar.gz'));
    const again = await build(session);
    expect(again.code).toBe(0);
    // Its maker alone runs again.
    expect(again.executor.calls).toHaveLength(1);
    expect(readFileSync(place(session, 'native-compiler-armv5l.tar.gz'), 'utf8')).toBe(
      'native-compiler-armv5l.tar.gz, first',
    );
  });

  test('sweeps what a killed run left among the products, and no more', async () => {
    const session = testSession();
    await build(session);
    const namespace =
      /\d+/.exec(execFileSync('readlink', ['/proc/self/ns/pid'], { encoding: 'utf8' }))?.[0] ?? '';
    writeFileSync(place(session, `.bootstrap-999999.1.${namespace}-cross.tar.gz`), '');
    writeFileSync(place(session, '.bootstrap-lock'), `999999.1.${namespace}`);
    writeFileSync(place(session, '.mine'), '');
    expect((await build(session)).code).toBe(0);
    expect(readdirSync(place(session)).filter((name) => name.startsWith('.'))).toEqual(['.mine']);
  });

  test('takes over the lock that a killed container left', async () => {
    const session = testSession();
    await build(session);
    const lock = place(session, '.bootstrap-lock');
    writeFileSync(lock, '1.1.1');
    utimesSync(lock, 1_000_000_000, 1_000_000_000);
    expect((await build(session)).code).toBe(0);
    expect(existsSync(lock)).toBe(false);
  });

  test('that fails says which action, and writes no product', async () => {
    const session = testSession();
    const failing = await build(session, {
      behaviour: (name) =>
        name === 'host-tools/busybox' ? { exitCode: 2, lines: ['no such applet'] } : undefined,
    });
    expect(failing.code).toBe(1);
    expect(failing.err).toContain('bootstrap: action host-tools/busybox failed with exit code 2\n');
    expect(failing.err).toContain('  | no such applet\n');
    expect(readdirSync(place(session))).toEqual([]);
  });

  test('that keeps going names what failed and what was skipped for it, and writes no product', async () => {
    const session = testSession();
    // Half of all that there is needs m4; make and bash do not.
    const behaviour = (name: string): FakeEnd | undefined =>
      name === 'host-tools/m4' ? { exitCode: 3 } : { outputs: { out: { 'made-by': name } } };
    const plan = { only: 'host-tools' };
    const kept = await build(session, { plan, behaviour, keepGoing: true });
    expect(kept.code).toBe(1);
    expect(kept.executor.calls.map(({ name }) => name)).toContain('host-tools/bash');
    expect(kept.err).toMatch(/^skipped host-tools\/\S+ \(needs host-tools\/m4, which failed\)$/m);
    const [, failed, skipped, ran] =
      /^(\d+) failed, (\d+) skipped, (\d+) actions run, 0 cached/m.exec(kept.err) ?? [];
    expect(failed).toBe('1');
    expect(Number(skipped)).toBeGreaterThan(0);
    expect(Number(ran)).toBeGreaterThan(3);
    const stopped = await build(session, { plan, behaviour });
    expect(stopped.err).toMatch(/^1 failed, \d+ skipped, 0 actions run, \d+ cached/m);
    expect(stopped.err).not.toMatch(/^skipped /m);
    expect(existsSync(place(session, 'manifest.json'))).toBe(false);
  });

  test('writes its events where they are wanted', async () => {
    const session = testSession();
    await build(session, { events: 'events.jsonl' });
    const lines = readFileSync(path.join(session.home, 'events.jsonl'), 'utf8').trim().split('\n');
    const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(kinds[0]).toBe('build-started');
    expect(kinds.at(-1)).toBe('build-finished');
  });

  test('continues when its events can no longer be written, and says so once', async () => {
    const session = testSession();
    const built = await build(session, { events: '/dev/full' });
    expect(built.code).toBe(0);
    expect(built.err.match(/no more events will be written to \/dev\/full/g)).toHaveLength(1);
  });

  test('of one action copies nothing', async () => {
    const session = testSession();
    const built = await build(session, { plan: { onlyAction: 'host-tools/make' } });
    expect(built.code).toBe(0);
    expect(built.executor.calls.map(({ name }) => name)).toEqual(['host-tools/busybox', 'host-tools/make']);
    expect(existsSync(path.join(session.home, 'out'))).toBe(false);
  });
});

describe('the manifest', () => {
  test('names sources, products, options, keys and plan ids, and neither time nor place', async () => {
    const session = testSession();
    await build(session);
    const manifest = manifestIn(session);
    expect(manifest.products.map(({ name }) => name)).toEqual(allProducts);
    expect(manifest.builds).toHaveLength(1);
    const [made] = manifest.builds;
    expect(made?.options).toMatchObject({ host: 'i686', goal: 'everything', withNative: true });
    expect(
      made?.actions.every(({ key, planId }) => /^[0-9a-f]{64}$/.test(key) && /^[0-9a-f]{64}$/.test(planId)),
    ).toBe(true);
    expect(manifest.sources).toContainEqual(
      expect.objectContaining({
        name: 'gcc',
        version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
        licence: expect.stringContaining('GPL') as string,
      }),
    );
    const text = readFileSync(place(session, 'manifest.json'), 'utf8');
    expect(text).not.toContain(session.home);
    expect(text).not.toContain(repository);
  });

  test('is the same for the same build elsewhere', async () => {
    const [here, there] = [testSession(), testSession()];
    await Promise.all([build(here), build(there)]);
    expect(readFileSync(place(here, 'manifest.json'))).toEqual(readFileSync(place(there, 'manifest.json')));
    expect(readFileSync(place(here, 'SHA256SUMS'))).toEqual(readFileSync(place(there, 'SHA256SUMS')));
  });

  test('holds the compilers of two hosts, in whatever order they were built', async () => {
    const [one, other] = [testSession(), testSession()];
    await build(one, { plan: { host: 'i686' } });
    await build(one, { plan: { host: 'x86_64' } });
    await build(other, { plan: { host: 'x86_64' } });
    await build(other, { plan: { host: 'i686' } });
    const names = [
      'cross-compiler-armv5l-i686.tar.gz',
      'cross-compiler-armv5l-x86_64.tar.gz',
      ...allProducts.slice(1),
    ];
    for (const session of [one, other]) {
      const manifest = manifestIn(session);
      expect(manifest.products.map(({ name }) => name)).toEqual(names);
      expect(manifest.builds.map(({ options }) => options.host)).toEqual(['i686', 'x86_64']);
      execFileSync('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: place(session) });
    }
    expect(readFileSync(place(one, 'SHA256SUMS'))).toEqual(readFileSync(place(other, 'SHA256SUMS')));
  });

  test('survives two builds that end at once', async () => {
    const session = testSession();
    await Promise.all([
      build(session, { plan: { host: 'i686' } }),
      build(session, { plan: { host: 'x86_64' } }),
    ]);
    expect(manifestIn(session).products).toHaveLength(6);
  });

  test('forgets a product that the user took away, with the run that made it', async () => {
    const session = testSession();
    await build(session, { plan: { host: 'x86_64' } });
    rmSync(place(session, 'cross-compiler-armv5l-x86_64.tar.gz'));
    await build(session, { plan: { host: 'i686' } });
    const manifest = manifestIn(session);
    expect(manifest.products.map(({ name }) => name)).toEqual(allProducts);
    expect(manifest.builds.map(({ options }) => options.host)).toEqual(['i686']);
  });

  test('forgets a product that was changed, also one that is as large as before', async () => {
    const session = testSession();
    await build(session, { plan: { host: 'x86_64' } });
    const compiler = place(session, 'cross-compiler-armv5l-x86_64.tar.gz');
    writeFileSync(compiler, readFileSync(compiler, 'utf8').toUpperCase());
    await build(session, { plan: { host: 'i686' } });
    expect(manifestIn(session).products.map(({ name }) => name)).toEqual(allProducts);
    writeFileSync(place(session, 'system-image-armv5l/licences/linux'), 'TEXT');
    await build(session, { plan: { only: 'cross-compiler' } });
    expect(manifestIn(session).products.map(({ name }) => name)).not.toContain('system-image-armv5l');
    execFileSync('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: place(session) });
  });

  test('keeps a product of an earlier run that was touched and not changed', async () => {
    const session = testSession();
    await build(session, { plan: { host: 'x86_64' } });
    utimesSync(place(session, 'cross-compiler-armv5l-x86_64.tar.gz'), 1, 1);
    utimesSync(place(session, 'system-image-armv5l/licences/linux'), 1, 1);
    await build(session, { plan: { host: 'i686', only: 'cross-compiler' } });
    expect(manifestIn(session).products).toHaveLength(6);
  });

  test('makes way for a new one when it is damaged', async () => {
    const session = testSession();
    await build(session);
    writeFileSync(place(session, 'manifest.json'), '{ "format": 1, "products"');
    await build(session);
    expect(manifestIn(session).products).toHaveLength(5);
  });
});

describe('Ctrl-C', () => {
  interface Interrupted {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly err: string;
  }

  /** Builds in a process of its own, with an executor whose actions never end, and signals it once one runs. */
  async function interrupted(
    home: string,
    mode: 'heeds' | 'ignores',
    signals: readonly NodeJS.Signals[],
  ): Promise<Interrupted> {
    const script = path.join(import.meta.dirname, 'endless-build.ts');
    const child = spawn(process.execPath, scriptArguments(script, home, mode), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    const sent: NodeJS.Signals[] = [];
    return new Promise((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        err += text;
        const awaited = ['start   host-tools/busybox', 'send it again to exit immediately'][sent.length];
        const next = signals[sent.length];
        if (awaited === undefined || next === undefined || !err.includes(awaited)) return;
        sent.push(next);
        child.kill(next);
      });
      child.on('close', (code, signal) => resolve({ code, signal, err }));
    });
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s ends the build with one message, exit code %i, and leaves nothing half-done',
    async (name, code) => {
      const session = testSession();
      const end = await interrupted(session.home, 'heeds', [name]);
      expect(end.code).toBe(code);
      expect(end.err).toContain(`bootstrap: stopped by ${name}; run the same command again to resume\n`);
      expect(end.err).not.toMatch(/\n +at /);
      expect(await readdir(place(session))).toEqual([]);
      expect(await readdir(path.join(session.home, '.cache/bootstrap/results'))).toEqual([]);
    },
  );

  test('a second one does not wait', async () => {
    const session = testSession();
    const end = await interrupted(session.home, 'ignores', ['SIGINT', 'SIGINT']);
    expect(end.signal).toBe('SIGKILL');
  });
});

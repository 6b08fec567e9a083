import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDirectoryProvider, digestOverlay } from '../../src/repository/overlay.ts';
import { parseManifest } from '../../src/release/manifest.ts';
import { selectPlan, type PlanRequest } from '../../src/repository/select-plan.ts';
import { buildCommand } from '../../src/cli/build-command.ts';
import { planIds } from '../../src/plan/bind.ts';
import { writeSketch, type TreeSketch } from '../store/sketch.ts';
import { openDirectory } from '../sandbox/processes.ts';
import { openTestStore } from '../store/temporary-store.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, run, temporaryDirectory, testSession } from '../cli/rig.ts';

const files: TreeSketch = {
  'etc/motd': 'welcome\n',
  'bin/hello there': { executable: '#!/bin/sh\necho hello\n' },
  'bin/hi': { link: 'hello there' },
  'srv/nothing': { directory: true },
};

async function sketched(sketch: TreeSketch = files): Promise<string> {
  const directory = path.join(temporaryDirectory(), 'over');
  await writeSketch(directory, sketch);
  return directory;
}

const image: PlanRequest = { arch: 'armv5l', host: 'i686', goal: { kind: 'image', withNative: false } };

async function idsOf(request: PlanRequest): Promise<ReadonlyMap<string, string>> {
  const selected = await selectPlan(repository, request);
  if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
  return planIds(selected.value.plan);
}

describe('a plan with an overlay', () => {
  test('has other root filesystem, image and tarballs, and nothing else', async () => {
    const [without, laidOver] = [await idsOf(image), await idsOf({ ...image, overlay: await sketched() })];
    const changed = [...laidOver].filter(([name, id]) => without.get(name) !== id).map(([name]) => name);
    expect(changed.sort()).toEqual([
      'package/root-filesystem-armv5l',
      'package/system-image-armv5l',
      'root-filesystem-armv5l/overlay',
      'system-image-armv5l/assemble',
      'system-image-armv5l/initramfs',
    ]);
  });

  test('follows names, bytes, executable bits and links, and not the place', async () => {
    const [one, other] = [await sketched(), await sketched()];
    const same = await idsOf({ ...image, overlay: one });
    expect(await idsOf({ ...image, overlay: other })).toEqual(same);
    symlinkSync(one, path.join(path.dirname(one), 'link'));
    expect(await idsOf({ ...image, overlay: path.join(path.dirname(one), 'link') })).toEqual(same);
    chmodSync(path.join(other, 'etc/motd'), 0o755);
    expect(await idsOf({ ...image, overlay: other })).not.toEqual(same);
  });

  test('says nothing of this machine', async () => {
    const session = testSession();
    await writeSketch(path.join(session.home, 'over'), files);
    const { code, out } = await run(session, 'plan', 'image', 'armv5l', '--overlay', 'over', '--json');
    expect(code).toBe(0);
    expect(out).toContain('"name": "overlay"');
    expect(out).not.toContain(session.home);
  });
});

describe('bad overlays', () => {
  async function refused(directory: string): Promise<string> {
    const session = testSession();
    const result = await run(session, 'image', 'armv5l', '--overlay', directory);
    expect(result.code).toBe(2);
    expect(result.err).not.toMatch(/\n +at /);
    expect(result.err.match(/^bootstrap: /gm)).toHaveLength(1);
    expect(result.out).toBe('');
    return result.err;
  }

  test('one that does not exist', async () => {
    expect(await refused('/nowhere/over')).toContain('the overlay /nowhere/over does not exist\n');
  });

  test('a file', async () => {
    const directory = await sketched();
    const file = path.join(directory, 'etc/motd');
    expect(await refused(file)).toContain(`the overlay: ${file} is not a directory\n`);
  });

  test('a link that leads nowhere', async () => {
    const directory = path.join(temporaryDirectory(), 'link');
    symlinkSync('nowhere', directory);
    expect(await refused(directory)).toContain(`the overlay ${directory} does not exist\n`);
  });

  test('one with a pipe', async () => {
    const directory = await sketched();
    execFileSync('mkfifo', [path.join(directory, 'etc/pipe')]);
    const message = await refused(directory);
    expect(message).toContain(`the overlay: ${path.join(directory, 'etc/pipe')} is a pipe\n`);
    expect(message).toContain('directories, regular files and symbolic links');
  });

  test.each([
    ['tmp', { link: 'var/tmp' }],
    ['lib', { link: 'usr/lib' }],
    ['usr/bin', 'text'],
  ] as const)('one with something else than a directory at %s', async (place, entry) => {
    const directory = await sketched({ [place]: entry });
    expect(await refused(directory)).toContain('but the root filesystem has a directory there');
  });

  test('one with a line break in a name', async () => {
    expect(await refused(await sketched({ 'a\nb': '' }))).toContain('has a line break in its name or target');
  });

  // Root may read everything, so somebody else asks, where that one can read this program.
  const start = path.join(repository, 'src/start/start.cjs');
  const asker = process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--clear-groups', '--'] : ['env'];
  const canAsk = spawnSync(asker[0] ?? '', [...asker.slice(1), 'cat', start]).status === 0;

  test.runIf(canAsk)('one with a file that may not be read', async () => {
    const directory = await openDirectory();
    await writeSketch(directory, files);
    chmodSync(path.join(directory, 'etc/motd'), 0);
    const [program = '', ...words] = [
      ...asker,
      process.execPath,
      start,
      'plan',
      'armv5l',
      '--overlay',
      directory,
    ];
    const ended = spawnSync(program, words, {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: '/' },
    });
    expect(ended.stderr).toContain(
      `the overlay ${path.join(directory, 'etc/motd')} cannot be read (EACCES)\n`,
    );
    expect(ended.status).toBe(2);
  });
});

describe('bringing an overlay into the store', () => {
  async function provided(directory: string) {
    const digested = await digestOverlay(directory);
    if (!digested.ok) throw new Error(JSON.stringify(digested.failure));
    const store = await openTestStore(path.join(temporaryDirectory(), 'store'));
    const provider = createDirectoryProvider(store, new Map([['overlay', digested.value.directory]]));
    return { store, provider, tree: digested.value.tree };
  }

  test('copies names, bytes, executable bits and links, and leaves the directory alone', async () => {
    const directory = await sketched();
    const { store, provider, tree } = await provided(directory);
    const before = lstatSync(path.join(directory, 'etc/motd'));
    expect(await provider.obtain('overlay', tree)).toEqual({ ok: true, value: tree });
    const copy = store.treePath(tree);
    expect(readFileSync(path.join(copy, 'etc/motd'), 'utf8')).toBe('welcome\n');
    expect(lstatSync(path.join(copy, 'bin/hello there')).mode & 0o777).toBe(0o755);
    expect(readlinkSync(path.join(copy, 'bin/hi'))).toBe('hello there');
    expect(lstatSync(path.join(copy, 'srv/nothing')).isDirectory()).toBe(true);
    expect(lstatSync(path.join(directory, 'etc/motd'))).toEqual(before);
  });

  test.each([
    [
      'changed',
      (directory: string) => writeFileSync(path.join(directory, 'etc/motd'), 'other'),
      'changed-since-plan',
    ],
    ['gone', (directory: string) => renameSync(directory, `${directory}.old`), 'unreadable-user-file'],
  ])('is refused when it is %s after planning', async (_, change, reason) => {
    const directory = await sketched();
    const { provider, tree } = await provided(directory);
    change(directory);
    const obtained = await provider.obtain('overlay', tree);
    expect(obtained).toMatchObject({ ok: false, failure: { reason } });
  });
});

describe('a build with an overlay', () => {
  test('reads it from the store, and names it in the manifest', async () => {
    const session = testSession();
    const overlay = path.join(session.home, 'over');
    mkdirSync(overlay);
    await writeSketch(overlay, files);
    const plan: PlanRequest = { ...image, goal: { ...image.goal, image: 'squashfs' }, overlay };
    const selected = await selectPlan(repository, plan);
    if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
    const request = { plan, sources: { offline: true, acceptVariants: [] }, jobs: 2, out: 'out' };
    const code = await buildCommand(session, request, fakeContext({ selected: selected.value }));
    expect(session.said.err).not.toContain('bootstrap:');
    expect(code).toBe(0);
    const manifest = parseManifest(readFileSync(path.join(session.home, 'out/armv5l/manifest.json'), 'utf8'));
    expect(manifest?.builds[0]?.options).toMatchObject({
      image: 'squashfs',
      overlay: selected.value.overlay,
    });
  });
});

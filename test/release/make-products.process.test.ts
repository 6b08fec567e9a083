import { mkdirSync, readdirSync, readFileSync, statSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BuildContext } from '../../src/build/build-context.ts';
import { chosenVersion } from '../../src/inputs/versions.ts';
import { imageBuild } from '../../src/release/image-build.ts';
import { makeProducts, prepareProducts, type ProductsRequest } from '../../src/release/make-products.ts';
import { parseManifest } from '../../src/release/manifest.ts';
import { selectPlan, type PlanRequest } from '../../src/repository/select-plan.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, temporaryDirectory } from '../cli/rig.ts';

const plan: PlanRequest = {
  arch: 'armv5l',
  host: 'i686',
  goal: { kind: 'image', withNative: false },
  only: 'root-filesystem',
};

/** The same with a product that is a directory. */
const imagePlan: PlanRequest = { arch: 'armv5l', host: 'i686', goal: { kind: 'image', withNative: false } };

interface Place {
  readonly request: ProductsRequest;
  readonly context: BuildContext;
  readonly directory: string;
  /** Holds the output directory and the store. */
  readonly home: string;
}

/**
 * Everything that making products takes, with faked actions, in a directory of the test's own. `earlier` has the output
 * directory, and the store unless a new one is wanted.
 */
async function place(
  asked: PlanRequest = plan,
  earlier: { readonly home?: string; readonly store?: string; readonly edition?: string } = {},
): Promise<Place> {
  const { home = temporaryDirectory(), store = 'store', ...edition } = earlier;
  const selected = await selectPlan(repository, asked);
  if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
  const directory = path.join(home, 'out');
  const { lock } = selected.value.repository;
  const context = await fakeContext({ selected: selected.value, ...edition })({
    repository,
    store: path.join(home, store),
    lock,
    offline: true,
    acceptVariants: [],
  });
  if (!context.ok) throw new Error(JSON.stringify(context.failure));
  const prepared = await prepareProducts(selected.value, directory);
  if (!prepared.ok) throw new Error(JSON.stringify(prepared.failure));
  const request: ProductsRequest = {
    selected: selected.value,
    plan: asked,
    acceptVariants: [],
    directory,
    context: context.value,
    onEvent: () => undefined,
    signal: new AbortController().signal,
  };
  return { request, context: context.value, directory, home };
}

describe('products', () => {
  test('are copied out with manifest and sums, once', async () => {
    const { request, directory } = await place();
    const made = await makeProducts(request);
    expect(made.ok && made.value.products.map(({ written }) => written)).toEqual([true]);
    expect(readdirSync(directory).sort()).toEqual([
      'SHA256SUMS',
      'manifest.json',
      'root-filesystem-armv5l.tar.gz',
    ]);
    const again = await makeProducts(request);
    expect(again.ok && again.value.products.map(({ written }) => written)).toEqual([false]);
    expect(again.ok && again.value.outcome.ran).toEqual([]);
  });

  test('come with a manifest that says which versions were chosen', async () => {
    const usual = await place(imagePlan);
    await makeProducts(usual.request);
    const manifestOf = ({ directory }: Place) =>
      parseManifest(readFileSync(path.join(directory, 'manifest.json'), 'utf8'));
    const { lock, chosen } = usual.request.selected.repository;
    expect(manifestOf(usual)?.builds[0]?.options.versions).toEqual({ set: lock.defaultSet });
    expect((await imageBuild(path.join(usual.directory, 'system-image-armv5l')))?.versions['linux']).toBe(
      chosenVersion(chosen, 'linux'),
    );
    const { host, compilerHost } = usual.request.selected.inputs;
    expect((await imageBuild(path.join(usual.directory, 'system-image-armv5l')))?.compiler).toEqual({
      host: host.name,
      targetCompiler: compilerHost?.name ?? 'build',
    });

    const other = lock.sources.find((source) => source.name === 'linux' && !chosen.sources.includes(source));
    if (other === undefined) throw new Error('there is one linux');
    const asked = { ...imagePlan, versions: { versions: { linux: other.version } } };
    const changed = await place(asked);
    await makeProducts(changed.request);
    const [build] = manifestOf(changed)?.builds ?? [];
    expect(build?.options.versions).toEqual({ set: lock.defaultSet, instead: { linux: other.version } });
    expect(build?.sources).toContain(`linux ${other.version}`);
  });

  test('are copied again if their note is not the one written', async () => {
    const { request, context, directory } = await place();
    await makeProducts(request);
    const notes = path.join(context.store.root, 'notes/products');
    for (const name of readdirSync(notes)) writeFileSync(path.join(notes, name), '{"tree": 1}');
    const again = await makeProducts(request);
    expect(again.ok && again.value.products.map(({ written }) => written)).toEqual([true]);
    expect(readFileSync(path.join(directory, 'SHA256SUMS'), 'utf8')).toContain('root-filesystem-armv5l');
  });
});

describe('an output directory', () => {
  test.each(['manifest.json', 'SHA256SUMS'])(
    'with a directory %s is refused before anything is built',
    async (name) => {
      const { request, directory } = await place();
      mkdirSync(path.join(directory, name));
      expect(await prepareProducts(request.selected, directory)).toMatchObject({
        ok: false,
        failure: { reason: 'unwritable', path: path.join(directory, name) },
      });
    },
  );

  test('a directory put in the way during the build ends it with one failure', async () => {
    const { request, directory } = await place();
    mkdirSync(path.join(directory, 'manifest.json'));
    expect(await makeProducts(request)).toMatchObject({
      ok: false,
      failure: [{ reason: 'unwritable', path: path.join(directory, 'manifest.json') }],
    });
  });
});

describe('what bootstrap did not make', () => {
  const image = 'system-image-armv5l';
  const refused = (file: string, kind: 'file' | 'directory') => ({
    reason: 'foreign-product',
    path: file,
    kind,
  });

  test.each([
    [image, imagePlan],
    ['root-filesystem-armv5l.tar.gz', plan],
  ])('and lies at %s as a directory is refused before a build, and after it', async (name, asked) => {
    const { request, directory } = await place(asked);
    const target = path.join(directory, name);
    mkdirSync(target);
    writeFileSync(path.join(target, 'notes'), 'mine');
    expect(await prepareProducts(request.selected, directory)).toEqual({
      ok: false,
      failure: refused(target, 'directory'),
    });
    expect(await makeProducts(request)).toEqual({ ok: false, failure: [refused(target, 'directory')] });
    expect(readdirSync(target)).toEqual(['notes']);
    expect(readFileSync(path.join(target, 'notes'), 'utf8')).toBe('mine');
    expect(readdirSync(directory).filter((file) => file.startsWith('.'))).toEqual([]);
  });

  test('is refused beside the manifest of an earlier run, too', async () => {
    const { request, directory } = await place(imagePlan);
    await makeProducts(request);
    const target = path.join(directory, image);
    rmSync(target, { recursive: true });
    mkdirSync(target);
    writeFileSync(path.join(target, 'notes'), 'mine');
    expect(await makeProducts(request)).toEqual({ ok: false, failure: [refused(target, 'directory')] });
    expect(readdirSync(target)).toEqual(['notes']);
  });

  test('and is a file where a directory belongs is refused', async () => {
    const { request, directory } = await place(imagePlan);
    const target = path.join(directory, image);
    writeFileSync(target, 'mine');
    expect(await makeProducts(request)).toEqual({ ok: false, failure: [refused(target, 'file')] });
    expect(readFileSync(target, 'utf8')).toBe('mine');
  });

  test('is no hindrance as an empty directory, a link, or a file of the same kind', async () => {
    const { request, directory, home } = await place(imagePlan);
    mkdirSync(path.join(directory, image));
    writeFileSync(path.join(directory, `${image}.tar.gz`), 'mine');
    mkdirSync(path.join(home, 'elsewhere'));
    writeFileSync(path.join(home, 'elsewhere/notes'), 'mine');
    symlinkSync('../elsewhere', path.join(directory, 'root-filesystem-armv5l.tar.gz'));
    expect((await prepareProducts(request.selected, directory)).ok).toBe(true);
    expect((await makeProducts(request)).ok).toBe(true);
    expect(readdirSync(path.join(directory, image))).toContain('run-emulator.sh');
    expect(readdirSync(path.join(home, 'elsewhere'))).toEqual(['notes']);
  });
});

describe('an image of an earlier run is replaced', () => {
  const image = 'system-image-armv5l';
  const script = `${image}/run-emulator.sh`;

  test.each<[string, (directory: string) => void]>([
    ['as it is', () => undefined],
    ['edited', (directory) => writeFileSync(path.join(directory, script), 'edited')],
    ['with a disk in it', (directory) => writeFileSync(path.join(directory, image, 'home.img'), 'disk')],
    ['without its script', (directory) => rmSync(path.join(directory, script))],
    ['with an unreadable manifest', (directory) => writeFileSync(path.join(directory, 'manifest.json'), '{')],
    [
      'with a disk, and no manifest',
      (directory) => {
        writeFileSync(path.join(directory, image, 'home.img'), 'disk');
        for (const name of ['manifest.json', 'SHA256SUMS']) rmSync(path.join(directory, name));
      },
    ],
  ])('%s, with the same store and with another one', async (_, change) => {
    const first = await place(imagePlan);
    await makeProducts(first.request);
    for (const [index, store] of ['store', 'other-store'].entries()) {
      change(first.directory);
      const edition = `edition ${String(index)}`;
      const again = await place(imagePlan, { home: first.home, store, edition });
      expect((await prepareProducts(again.request.selected, again.directory)).ok).toBe(true);
      expect((await makeProducts(again.request)).ok).toBe(true);
      expect(readFileSync(path.join(again.directory, script), 'utf8')).toMatch(/^#!/);
    }
  });

  test("but not the disk in it, which is its user's", async () => {
    const first = await place(imagePlan);
    await makeProducts(first.request);
    const disk = path.join(first.directory, image, 'home.img');
    writeFileSync(disk, 'work of weeks');
    const { ino } = statSync(disk);
    for (const edition of ['another', 'another']) {
      const again = await place(imagePlan, { home: first.home, edition });
      expect((await makeProducts(again.request)).ok).toBe(true);
      expect(readFileSync(disk, 'utf8')).toBe('work of weeks');
      // An emulator may be running on it.
      expect(statSync(disk).ino).toBe(ino);
    }
    expect(readFileSync(path.join(first.directory, 'manifest.json'), 'utf8')).not.toContain('home.img');
  });

  test('after another run found it edited, and no longer vouches for it', async () => {
    const first = await place(imagePlan);
    await makeProducts(first.request);
    writeFileSync(path.join(first.directory, script), 'edited');
    const other = await place(plan, { home: first.home });
    expect((await makeProducts(other.request)).ok).toBe(true);
    expect(readFileSync(path.join(first.directory, 'manifest.json'), 'utf8')).not.toContain(`"${image}"`);
    const again = await place(imagePlan, { home: first.home, store: 'other-store' });
    expect((await makeProducts(again.request)).ok).toBe(true);
    expect(readFileSync(path.join(first.directory, script), 'utf8')).toMatch(/^#!/);
  });
});

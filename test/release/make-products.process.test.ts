import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BuildContext } from '../../src/build/build-context.ts';
import { makeProducts, prepareProducts, type ProductsRequest } from '../../src/release/make-products.ts';
import { selectPlan, type PlanRequest } from '../../src/repository/select-plan.ts';
import { fakeContext } from '../build/fake-context.ts';
import { repository, temporaryDirectory } from '../cli/rig.ts';

const plan: PlanRequest = {
  arch: 'armv5l',
  host: 'i686',
  goal: { kind: 'image', withNative: false },
  only: 'root-filesystem',
};

interface Place {
  readonly request: ProductsRequest;
  readonly context: BuildContext;
  readonly directory: string;
}

/** Everything that making products takes, with faked actions, in a directory of the test's own. */
async function place(): Promise<Place> {
  const selected = await selectPlan(repository, plan);
  if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
  const home = temporaryDirectory();
  const directory = path.join(home, 'out');
  const { lock } = selected.value.repository;
  const context = await fakeContext({ selected: selected.value })({
    repository,
    store: path.join(home, 'store'),
    lock,
    offline: true,
    acceptVariants: [],
  });
  if (!context.ok) throw new Error(JSON.stringify(context.failure));
  const prepared = await prepareProducts(selected.value, directory);
  if (!prepared.ok) throw new Error(JSON.stringify(prepared.failure));
  const request: ProductsRequest = {
    selected: selected.value,
    plan,
    acceptVariants: [],
    directory,
    context: context.value,
    onEvent: () => undefined,
    signal: new AbortController().signal,
  };
  return { request, context: context.value, directory };
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

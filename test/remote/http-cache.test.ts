import { describe, expect, onTestFinished, test } from 'vitest';
import { createHttpCache, type HttpCacheOptions } from '../../src/remote/http-cache.ts';
import { run } from '../../src/plan/builder.ts';
import type { BuildOutcome } from '../../src/engine/build.ts';
import { sourceName } from '../../src/plan/names.ts';
import { cachedSources } from '../../src/remote/cached-sources.ts';
import { out, product, sampleAction, sampleDigest, samplePlan, sourceRef } from '../plan/sample.ts';
import { good, openRig, type Rig } from '../engine/rig.ts';
import { CacheServer } from './cache-server.ts';

const a = sampleAction('s/a', { inputs: { '/': { kind: 'compiler' } } });
const b = sampleAction('s/b', { tools: [out(a)] });
const c = sampleAction('s/c', { tools: [out(b)] });
const plan = samplePlan([a, b, c], { products: [product(c)], goals: [] });
const changedC = sampleAction('s/c', { tools: [out(b)], commands: [run(['true'])] });
const changedPlan = samplePlan([a, b, changedC], { products: [product(changedC)], goals: [] });

/** A machine with a store of its own, and its cache. */
async function machine(url: URL, options: Partial<HttpCacheOptions> = {}) {
  const rig = await openRig();
  const said: string[] = [];
  const cache = createHttpCache({
    ...{ url, store: rig.store, write: false, headers: {} },
    say: (text) => said.push(text),
    timing: { connectTimeout: 2000, silence: 2000 },
    ...options,
  });
  onTestFinished(() => cache.close());
  return { rig, said, cache };
}

function digestsOf(outcome: BuildOutcome): readonly unknown[] {
  return [...outcome.results].map(([name, { outputs }]) => [name, outputs]);
}

/** A server that has the results of the plan. */
async function filledServer() {
  const server = new CacheServer();
  const url = await server.start();
  const { rig, cache, said } = await machine(url, { write: true });
  const outcome = good(await rig.build(plan, { cache }));
  expect(rig.executor.calls).toEqual(['s/a', 's/b', 's/c']);
  expect(said).toEqual([]);
  server.requests.length = 0;
  return { server, url, results: digestsOf(outcome) };
}

/** What has to hold whatever the server does: the results are those of a build without it. */
async function builds(rig: Rig, cache: Parameters<Rig['build']>[1], results: readonly unknown[]) {
  const outcome = good(await rig.build(plan, cache));
  expect(digestsOf(outcome)).toEqual(results);
  for (const result of outcome.results.values()) {
    const tree = result.outputs['out'];
    if (tree !== undefined && (await rig.store.hasTree(tree)))
      expect(await rig.store.verifyTree(tree)).toMatchObject({ ok: true });
  }
  return outcome;
}

describe('results of another machine', () => {
  test('are taken instead of made, and only the trees that somebody wants', async () => {
    const { url, results } = await filledServer();
    const { rig, cache, said } = await machine(url);
    const outcome = await builds(rig, { cache }, results);
    expect(rig.executor.calls).toEqual([]);
    expect(outcome.cached).toEqual(['s/a', 's/b', 's/c']);
    const trees = ['s/a', 's/b', 's/c'].map(
      (name) => [...outcome.results].find(([one]) => one === name)?.[1].outputs['out'],
    );
    const here = await Promise.all(trees.map((tree) => tree !== undefined && rig.store.hasTree(tree)));
    expect(here).toEqual([false, false, true]);
    expect(rig.events.filter(({ kind }) => kind === 'action-fetched')).toHaveLength(1);
    expect(said).toEqual([]);
  });

  test('are remembered: nothing is asked twice', async () => {
    const { server, url } = await filledServer();
    const { rig, cache } = await machine(url);
    good(await rig.build(plan, { cache }));
    server.requests.length = 0;
    good(await rig.build(plan, { cache }));
    expect(server.requests).toEqual([]);
  });

  test('are what the rest is made of', async () => {
    const { url } = await filledServer();
    const { rig, cache } = await machine(url);
    good(await rig.build(changedPlan, { cache }));
    expect(rig.executor.calls).toEqual(['s/c']);
  });

  test('are not given to others without leave, and with credentials only where these are', async () => {
    const server = new CacheServer();
    const url = await server.start();
    const reader = await machine(url);
    good(await reader.rig.build(plan, { cache: reader.cache }));
    expect(server.requests.filter((request) => !request.startsWith('GET'))).toEqual([]);
    const writer = await machine(url, { write: true, headers: { authorization: 'Bearer secret' } });
    good(await writer.rig.build(plan, { cache: writer.cache }));
    expect(server.names('ac')).toHaveLength(3);
    expect(new Set(server.credentials)).toEqual(new Set(['Bearer secret']));
    expect(writer.said.join()).not.toContain('secret');
  });
});

describe('a build is the same', () => {
  test.each([
    ['is gone', undefined, /connection refused/],
    ['answers with errors', 503, /it answers 503/],
    ['wants other credentials', 401, /it wants other credentials/],
    ['wants a client certificate', 400, /wants a client certificate \(400\)/],
    ['hangs', 'hang', /no response/],
    ['ends in the middle', 'cut', /connection lost/],
  ] as const)('if the cache %s, which is told once', async (_, answer, text) => {
    const { server, url, results } = await filledServer();
    if (answer === undefined) await server.stop();
    else server.answer = () => answer;
    const { rig, cache, said } = await machine(url, { timing: { connectTimeout: 500, silence: 50 } });
    await builds(rig, { cache }, results);
    expect(rig.executor.calls).toEqual(['s/a', 's/b', 's/c']);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(text);
    // It was not asked again and again.
    expect(server.requests.length).toBeLessThanOrEqual(4);
  });

  test.each([
    ['has entries of another kind', 'ac', () => Buffer.from('{"no": "message"}')],
    ['has empty entries', 'ac', () => Buffer.alloc(0)],
    ['has files under wrong names', 'cas', (file: Buffer) => Buffer.from(file.map((byte) => byte ^ 1))],
    ['has longer files', 'cas', (file: Buffer) => Buffer.concat([file, Buffer.alloc(2 ** 20)])],
    ['has shorter files', 'cas', (file: Buffer) => file.subarray(1)],
  ])('if the cache %s', async (_, kind, damage) => {
    const { server, url, results } = await filledServer();
    for (const name of server.names(kind))
      server.files.set(name, damage(server.files.get(name) ?? Buffer.alloc(0)));
    const { rig, cache } = await machine(url);
    await builds(rig, { cache }, results);
    expect(rig.executor.calls).toContain('s/c');
  });

  test('if the cache has lost files', async () => {
    const { server, url, results } = await filledServer();
    for (const name of server.names('cas')) server.files.delete(name);
    const { rig, cache } = await machine(url);
    await builds(rig, { cache }, results);
    expect(rig.executor.calls).toEqual(['s/a', 's/b', 's/c']);
  });

  test('if the entries of two actions are exchanged', async () => {
    const { server, url } = await filledServer();
    const [one = '', two = ''] = server.names('ac');
    const [first, second] = [server.files.get(one), server.files.get(two)];
    if (first !== undefined && second !== undefined) server.files.set(one, second).set(two, first);
    const { rig, cache } = await machine(url);
    good(await rig.build(plan, { cache }));
  });

  test.each([
    [507, /it is full/],
    [403, /it does not allow this/],
    [413, /a file is too large for it/],
  ])('if the cache takes nothing and answers %d, which is told once', async (status, text) => {
    const server = new CacheServer();
    const url = await server.start();
    server.answer = ({ method }) => (method === 'PUT' ? status : undefined);
    const { rig, cache, said } = await machine(url, { write: true });
    good(await rig.build(plan, { cache }));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(text);
    expect(server.names('ac')).toEqual([]);
  });
});

test('whoever stops a build does not wait for the cache', async () => {
  const { server, url } = await filledServer();
  server.answer = ({ url: asked = '' }) => (asked.includes('/cas/') ? 'hang' : undefined);
  const { rig, cache } = await machine(url, { timing: { connectTimeout: 60_000, silence: 60_000 } });
  const stop = new AbortController();
  const building = rig.build(plan, { cache, signal: stop.signal });
  await expect.poll(() => server.requests.some((request) => request.includes('/cas/'))).toBe(true);
  stop.abort('SIGINT');
  expect((await building).failures).toMatchObject([{ reason: 'interrupted' }]);
});

describe('sources', () => {
  const source = sourceRef('musl');
  const patched = sampleAction('s/p', { inputs: { '/src': source } });
  const sourcePlan = samplePlan([patched], { products: [product(patched)], goals: [] });

  test('are not fetched where their results are known', async () => {
    const server = new CacheServer();
    const url = await server.start();
    const first = await machine(url, { write: true });
    const sources = cachedSources(first.rig.sources, first.cache);
    good(await first.rig.build(sourcePlan, { cache: first.cache, sources }));
    expect(first.rig.sources.obtained).toEqual(['musl 1.0']);
    const second = await machine(url);
    const outcome = good(
      await second.rig.build(sourcePlan, {
        cache: second.cache,
        sources: cachedSources(second.rig.sources, second.cache),
      }),
    );
    expect(second.rig.sources.obtained).toEqual([]);
    expect(outcome.cached).toEqual(['s/p']);
  });

  test('that may be others than what is pinned are neither taken nor given', async () => {
    const server = new CacheServer();
    const url = await server.start();
    const { rig, cache } = await machine(url, { write: true });
    const sources = cachedSources(rig.sources, cache, ['musl']);
    good(await rig.build(sourcePlan, { sources }));
    expect(server.requests).toEqual([]);
  });

  test('are fetched where a cache does not know them, or says of one without patches what is not pinned', async () => {
    const server = new CacheServer();
    const url = await server.start();
    const { rig, cache } = await machine(url, { write: true });
    const unpatched = { name: sourceName('musl'), version: '1.0', tree: sampleDigest('2'), patches: [] };
    const sources = cachedSources(rig.sources, cache);
    expect(await sources.recall(unpatched)).toBeUndefined();
    const obtained = await sources.obtain(unpatched, () => undefined);
    expect(obtained.ok && obtained.value).not.toBe(unpatched.tree);
    const other = await machine(url);
    expect(await cachedSources(other.rig.sources, other.cache).recall(unpatched)).toBeUndefined();
  });
});

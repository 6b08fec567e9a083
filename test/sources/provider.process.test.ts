import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { digest, sha256, type Digest } from '../../src/core/digest.ts';
import type { Failure } from '../../src/core/failure.ts';
import type { Origin } from '../../src/inputs/lock.ts';
import type { PlannedSource } from '../../src/plan/action.ts';
import { repoPath, sourceName } from '../../src/plan/names.ts';
import { createSourceProvider, type SourceProviderOptions } from '../../src/sources/provider.ts';
import { digestBytes } from '../../src/store/directory-message.ts';
import type { Store } from '../../src/store/store.ts';
import { openTestStore } from '../store/temporary-store.ts';
import { cutFile, file, startFileServer, status } from './file-server.ts';
import { says, startRawServer } from './raw-server.ts';
import { tarBytes } from './tar-bytes.ts';
import { temporaryDirectory } from './temporary.ts';

const archive = gzipSync(
  tarBytes([
    { path: 'p-1/f', body: 'one\n' },
    { path: 'p-1/run', body: 'x', mode: 0o755 },
  ]),
);
const other = gzipSync(tarBytes([{ path: 'p-1/f', body: 'other\n' }]));
const hashOf = (bytes: Uint8Array) => sha256(createHash('sha256').update(bytes).digest('hex'));
const patch = (header: string) => Buffer.from(`${header}\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+two\n`);

/** The tree of `archive`, as any store digests it. */
async function pinnedTree(): Promise<Digest> {
  const store = await openTestStore();
  const directory = join(temporaryDirectory(), 'tree');
  await mkdir(directory);
  writeFileSync(join(directory, 'f'), 'one\n');
  writeFileSync(join(directory, 'run'), 'x', { mode: 0o755 });
  const digested = await store.digestTree(directory);
  if (!digested.ok) throw new Error('no digest');
  return digested.value;
}

async function rig(given: { readonly tree?: Digest } = {}) {
  const server = await startFileServer();
  const store = await openTestStore();
  const cacheDirectory = join(temporaryDirectory(), 'downloads');
  const tree = given.tree ?? (await pinnedTree());
  const url = (path: string, bytes: Uint8Array = archive): Origin => ({
    kind: 'url',
    url: `${server.url}${path}`,
    sha256: hashOf(bytes),
  });
  const files = new Map<string, Buffer>();
  const notes: string[] = [];
  const open = (origins: readonly Origin[], more: Partial<SourceProviderOptions> = {}) => {
    const lock: SourceProviderOptions['lock'] = {
      sources: [
        {
          name: sourceName('p'),
          version: '1',
          homepage: 'https://p.example/',
          licence: 'MIT',
          licenceFiles: ['f'],
          tree,
          origins,
        },
      ],
    };
    return createSourceProvider({
      store,
      lock,
      cacheDirectory,
      offline: false,
      readRepoFile: (path) => Promise.resolve(files.get(path) ?? Buffer.alloc(0)),
      onNote: (text) => notes.push(text),
      timing: { pause: 1, longestPause: 5, retries: 2, silence: 2000 },
      apt: {
        machineRoot: '/nonexistent',
        run: () => Promise.resolve({ exitCode: null, stdout: '', stderr: '' }),
      },
      ...more,
    });
  };
  const source = (...patches: readonly string[]): PlannedSource => ({
    name: sourceName('p'),
    version: '1',
    tree,
    patches: patches.map((path) => ({
      path: repoPath(path),
      digest: digestBytes(files.get(path) ?? Buffer.alloc(0)),
    })),
  });
  return { server, store, cacheDirectory, tree, url, files, notes, open, source };
}

const silent = () => undefined;

function text(store: Store, tree: Digest, path: string): string {
  return readFileSync(join(store.treePath(tree), path), 'utf8');
}

async function failureOf(result: Promise<{ ok: true } | { ok: false; failure: Failure }>): Promise<Failure> {
  const settled = await result;
  if (settled.ok) throw new Error('it succeeded');
  return settled.failure;
}

describe('a source provider', () => {
  it('fetches, verifies, unpacks and puts the pinned tree into the store', async () => {
    const { server, store, cacheDirectory, tree, url, open, source } = await rig();
    server.on('/p-1.tar.gz', file(archive));
    const provider = open([url('/p-1.tar.gz')]);
    expect(await provider.recall(source())).toBe(tree);
    const lines: string[] = [];
    expect(await provider.obtain(source(), (line) => lines.push(line))).toEqual({ ok: true, value: tree });
    expect(text(store, tree, 'f')).toBe('one\n');
    expect(lines).toEqual([`downloading ${server.url}/p-1.tar.gz`, 'unpacking']);
    expect(readdirSync(cacheDirectory)).toEqual([hashOf(archive)]);
    expect(readdirSync(join(store.root, 'scratch'))).toEqual([]);

    // Known: neither asked for nor unpacked again.
    expect((await provider.obtain(source(), (line) => lines.push(line))).ok).toBe(true);
    expect(lines).toHaveLength(2);
    expect(server.asked).toHaveLength(1);
  });

  it('makes a lost tree again from the archive it has, offline too', async () => {
    const { server, store, tree, url, open, source } = await rig();
    server.on('/p', file(archive));
    await open([url('/p')]).obtain(source(), silent);
    await store.removeTree(tree);
    expect(await open([url('/p')], { offline: true }).obtain(source(), silent)).toEqual({
      ok: true,
      value: tree,
    });
    expect(server.asked).toHaveLength(1);
  });

  it('asks the mirror first, by file name, then the origins in order', async () => {
    const { server, tree, url, open, source } = await rig();
    server.on('/second/p-1.tar.gz', file(archive));
    const origins = [url('/first/p-1.tar.gz'), url('/second/p-1.tar.gz')];
    const provider = open(origins, { mirror: `${server.url}/mirror/` });
    expect(await provider.obtain(source(), silent)).toEqual({ ok: true, value: tree });
    expect(server.asked).toEqual(['/mirror/p-1.tar.gz', '/first/p-1.tar.gz', '/second/p-1.tar.gz']);
  });

  it('fetches once what is requested twice at the same time', async () => {
    const { server, tree, url, open, source } = await rig();
    server.on('/p', file(archive));
    const provider = open([url('/p')]);
    const both = await Promise.all([provider.obtain(source(), silent), provider.obtain(source(), silent)]);
    expect(both).toEqual([
      { ok: true, value: tree },
      { ok: true, value: tree },
    ]);
    expect(server.asked).toHaveLength(1);
  });

  it('discards a file with the wrong hash and tries the next origin', async () => {
    const { server, tree, cacheDirectory, url, open, source } = await rig();
    server.on('/changed', file(other));
    server.on('/p', file(archive));
    const lines: string[] = [];
    const provider = open([url('/changed'), url('/p')]);
    expect(await provider.obtain(source(), (line) => lines.push(line))).toEqual({ ok: true, value: tree });
    expect(lines).toContain(`${server.url}/changed: wrong hash, discarded`);
    expect(readdirSync(cacheDirectory)).toEqual([hashOf(archive)]);
  });

  it('tries the next origin if one does not answer with HTTP', async () => {
    const { server, tree, url, open, source } = await rig();
    const hostile = await startRawServer(says('HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello'));
    server.on('/p', file(archive));
    const origins = [{ ...url('/p'), url: `${hostile.url}/p` }, url('/p')];
    const lines: string[] = [];
    expect(await open(origins).obtain(source(), (line) => lines.push(line))).toEqual({
      ok: true,
      value: tree,
    });
    expect(lines).toContain(`${hostile.url}/p: a malformed answer`);
  });

  it('reports a wrong hash, even if other origins do not answer', async () => {
    const { server, cacheDirectory, url, open, source } = await rig();
    server.on('/changed', file(other));
    const failure = await failureOf(open([url('/absent'), url('/changed')]).obtain(source(), silent));
    expect(failure).toEqual({
      reason: 'wrong-hash',
      source: 'p 1',
      origin: `${server.url}/changed`,
      expected: hashOf(archive),
      actual: hashOf(other),
    });
    expect(readdirSync(cacheDirectory)).toEqual([]);
  });

  it('resumes a download that a killed run left, and starts over if it was of another file', async () => {
    const { server, tree, cacheDirectory, url, open, source } = await rig();
    server.on('/p', file(archive));
    await mkdir(cacheDirectory);
    writeFileSync(join(cacheDirectory, `${hashOf(archive)}.part`), archive.subarray(0, 100));
    await open([url('/p')]).obtain(source(), silent);
    expect(server.asked).toEqual(['/p bytes=100-']);

    const again = await rig({ tree });
    again.server.on('/p', file(archive));
    await mkdir(again.cacheDirectory);
    writeFileSync(join(again.cacheDirectory, `${hashOf(archive)}.part`), 'of something else');
    expect(await again.open([again.url('/p')]).obtain(source(), silent)).toEqual({ ok: true, value: tree });
    expect(again.server.asked).toEqual(['/p bytes=17-', '/p']);
  });

  it('keeps what it received from a server that cut the connection, for the next run', async () => {
    const { server, cacheDirectory, url, open, source } = await rig();
    server.on('/p', cutFile(archive, 50), status(404));
    const failure = await failureOf(open([url('/p')]).obtain(source(), silent));
    expect(failure).toMatchObject({ reason: 'source-unavailable', attempts: [{ why: 'HTTP 404' }] });
    expect(readdirSync(cacheDirectory)).toEqual([`${hashOf(archive)}.part`]);
    expect(existsSync(join(cacheDirectory, hashOf(archive)))).toBe(false);
  });

  it('distinguishes a full disk from a bug, wherever it occurs', async () => {
    const { server, store, url, open, source, files } = await rig();
    files.set('patches/p/1.patch', patch('one'));
    server.on('/p', file(archive));
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    vi.spyOn(store, 'digestTree').mockRejectedValue(full);
    const failure = await failureOf(open([url('/p')]).obtain(source('patches/p/1.patch'), silent));
    expect(failure).toMatchObject({ reason: 'no-room', path: store.root });
  });

  it('reports for every origin why it did not work', async () => {
    const { server, url, open, source } = await rig();
    const debian: Origin = {
      kind: 'debian',
      package: 'pp',
      suite: 'trixie',
      file: 'pp_1.orig.tar.gz',
      sha256: hashOf(archive),
    };
    expect(await failureOf(open([url('/p'), debian]).obtain(source(), silent))).toEqual({
      reason: 'source-unavailable',
      source: 'p 1',
      attempts: [
        { origin: `${server.url}/p`, why: 'HTTP 404' },
        {
          origin: "Debian's pp in trixie (pp_1.orig.tar.gz)",
          why: 'the apt configuration of this machine names no Debian archive with trixie',
        },
      ],
      offline: false,
    });
  });

  it('sends no request when offline', async () => {
    const { server, url, open, source } = await rig();
    server.on('/p', file(archive));
    expect(await failureOf(open([url('/p')], { offline: true }).obtain(source(), silent))).toEqual({
      reason: 'source-unavailable',
      source: 'p 1',
      attempts: [{ origin: `${server.url}/p`, why: 'not fetched before, and --offline was given' }],
      offline: true,
    });
    expect(server.asked).toEqual([]);
  });

  it('refuses another tree than the pinned one, and leaves nothing of it', async () => {
    const { server, store, tree, url, open, source } = await rig();
    server.on('/other', file(other));
    const failure = await failureOf(open([url('/other', other)]).obtain(source(), silent));
    expect(failure).toMatchObject({
      reason: 'wrong-tree',
      source: 'p 1',
      origin: `${server.url}/other`,
      expected: tree,
    });
    expect(readdirSync(join(store.root, 'trees'))).toEqual([]);
    expect(readdirSync(join(store.root, 'scratch'))).toEqual([]);
  });

  it('tries the next origin if one has another tree', async () => {
    const { server, tree, url, open, source } = await rig();
    server.on('/other', file(other));
    server.on('/p', file(archive));
    expect(await open([url('/other', other), url('/p')]).obtain(source(), silent)).toEqual({
      ok: true,
      value: tree,
    });
  });

  it('accepts a variant if allowed, reports it, and remembers it only where it is allowed', async () => {
    const { server, store, tree, url, open, source, notes } = await rig();
    server.on('/other', file(other));
    const origins = [url('/other', other)];
    const lenient = open(origins, { acceptVariants: ['p'] });
    expect(await lenient.recall(source())).toBeUndefined();
    const got = await lenient.obtain(source(), silent);
    if (!got.ok) throw new Error(JSON.stringify(got.failure));
    expect(got.value).not.toBe(tree);
    expect(text(store, got.value, 'f')).toBe('other\n');
    expect(lenient.variants()).toEqual([
      { name: 'p', version: '1', origin: `${server.url}/other`, tree: got.value },
    ]);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^p 1 from .* is not the pinned tree/);

    const next = open(origins, { acceptVariants: ['p'] });
    expect(await next.recall(source())).toBe(got.value);
    expect(next.variants()).toHaveLength(1);
    const strict = open(origins, { offline: true });
    expect(await strict.recall(source())).toBe(tree);
    expect((await failureOf(strict.obtain(source(), silent))).reason).toBe('wrong-tree');
  });

  it('distinguishes variants pinned with the same placeholder tree, and those of another archive', async () => {
    const { server, store, url, open } = await rig();
    server.on('/one', file(archive));
    server.on('/other', file(other));
    const tree = digest(`${'0'.repeat(64)}-0`);
    const locked = (name: string, origin: Origin) => ({
      ...{ name: sourceName(name), version: '1', homepage: 'https://p.example/' },
      ...{ licence: 'MIT', licenceFiles: ['f'], tree, origins: [origin] },
    });
    const opened = (one: Origin) =>
      open([], {
        acceptVariants: ['p', 'q'],
        lock: {
          sources: [locked('p', one), locked('q', url('/other', other))],
        },
      });
    const content = async (provider: ReturnType<typeof open>, name: string) => {
      const planned = { name: sourceName(name), version: '1', tree, patches: [] };
      const got = await provider.obtain(planned, silent);
      return got.ok ? text(store, got.value, 'f') : JSON.stringify(got.failure);
    };
    const provider = opened(url('/one'));
    expect([await content(provider, 'p'), await content(provider, 'q')]).toEqual(['one\n', 'other\n']);
    expect(await content(opened(url('/other', other)), 'p')).toBe('other\n');
  });

  it('refuses a hostile or malformed archive even if its hash is right', async () => {
    const { server, url, open, source } = await rig();
    const hostile = gzipSync(tarBytes([{ path: '../x', body: 'x' }]));
    const page = Buffer.from('<html></html>');
    server.on('/hostile', file(hostile));
    server.on('/page', file(page));
    expect(await failureOf(open([url('/hostile', hostile)]).obtain(source(), silent))).toMatchObject({
      reason: 'hostile-archive',
      entry: '../x',
    });
    expect(await failureOf(open([url('/page', page)]).obtain(source(), silent))).toMatchObject({
      reason: 'bad-archive',
      archive: `p 1 from ${server.url}/page`,
    });
  });

  it('notices an archive that was damaged in the cache, and fetches it again', async () => {
    const { server, store, tree, cacheDirectory, url, open, source } = await rig();
    server.on('/p', file(archive));
    await open([url('/p')]).obtain(source(), silent);
    await store.removeTree(tree);
    writeFileSync(join(cacheDirectory, hashOf(archive)), 'damaged');
    expect(await open([url('/p')]).obtain(source(), silent)).toEqual({ ok: true, value: tree });
    expect(server.asked).toEqual(['/p', '/p']);
  });
});

describe('patching', () => {
  it('gives the patched tree, and remembers it', async () => {
    const { server, store, tree, url, files, open, source } = await rig();
    server.on('/p', file(archive));
    files.set('patches/p/1.patch', patch('why'));
    const provider = open([url('/p')]);
    const wanted = source('patches/p/1.patch');
    expect(await provider.recall(wanted)).toBeUndefined();
    const got = await provider.obtain(wanted, silent);
    if (!got.ok) throw new Error(JSON.stringify(got.failure));
    expect(text(store, got.value, 'f')).toBe('two\n');
    expect(got.value).not.toBe(tree);
    // The unpatched tree is of no use to anybody.
    expect(await store.hasTree(tree)).toBe(false);
    const next = open([url('/p')], { offline: true });
    expect(await next.recall(wanted)).toBe(got.value);
    await store.removeTree(got.value);
    expect(await next.recall(wanted)).toBe(got.value);
    expect(await next.obtain(wanted, silent)).toEqual(got);
  });

  it('runs again for another header, and produces the same tree', async () => {
    const { server, url, files, open, source } = await rig();
    server.on('/p', file(archive));
    const provider = open([url('/p')]);
    files.set('patches/p/1.patch', patch('why'));
    const first = await provider.obtain(source('patches/p/1.patch'), silent);
    files.set('patches/p/1.patch', patch('better words'));
    const wanted = source('patches/p/1.patch');
    expect(await provider.recall(wanted)).toBeUndefined();
    const lines: string[] = [];
    expect(await provider.obtain(wanted, (line) => lines.push(line))).toEqual(first);
    expect(lines).toEqual(['unpacking', 'patching']);
  });

  it('fails with the patch, its line and the reason, and leaves nothing', async () => {
    const { server, store, url, files, open, source } = await rig();
    server.on('/p', file(archive));
    files.set('patches/p/1.patch', patch('why'));
    files.set('patches/p/2.patch', patch('again'));
    const wanted = source('patches/p/1.patch', 'patches/p/2.patch');
    expect(await failureOf(open([url('/p')]).obtain(wanted, silent))).toEqual({
      reason: 'patch-failed',
      source: 'p 1',
      patch: 'patches/p/2.patch',
      line: 4,
      why: 'line 1 of f is "two\\n", but the patch expects "one\\n"',
    });
    expect(readdirSync(join(store.root, 'trees'))).toEqual([]);
  });

  it('does not take a patch that was changed or removed after planning', async () => {
    const { server, url, files, open, source } = await rig();
    server.on('/p', file(archive));
    files.set('patches/p/1.patch', patch('why'));
    const wanted = source('patches/p/1.patch');
    files.set('patches/p/1.patch', patch('other'));
    const changed = { reason: 'bad-input', file: 'patches/p/1.patch' };
    expect(await failureOf(open([url('/p')]).obtain(wanted, silent))).toMatchObject(changed);
    const readRepoFile = (path: string) => readFile(join('/nonexistent', path));
    const failure = await failureOf(open([url('/p')], { readRepoFile }).obtain(wanted, silent));
    expect(failure).toMatchObject(changed);
  });
});

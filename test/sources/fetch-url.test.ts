import { createServer, type AddressInfo } from 'node:net';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { fetchUrl, type Timing } from '../../src/sources/fetch-url.ts';
import { cutFile, file, silence, startFileServer, status, wholeFile } from './file-server.ts';
import { temporaryDirectory } from './temporary.ts';

const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
const timing: Timing = {
  pause: 2,
  longestPause: 10,
  connectTimeout: 2000,
  silence: 2000,
  slowest: 1,
  retries: 3,
};

async function fetched(url: string, had?: Uint8Array, more: Partial<Timing> = {}) {
  const part = join(temporaryDirectory(), 'part');
  if (had !== undefined) writeFileSync(part, had);
  const progress: [number, number | undefined][] = [];
  const result = await fetchUrl({
    url,
    part,
    progress: (done, total) => progress.push([done, total]),
    timing: { ...timing, ...more },
  });
  return { result, progress, bytes: existsSync(part) ? readFileSync(part) : undefined };
}

describe('fetchUrl', () => {
  it('fetches a file and reports progress', async () => {
    const server = await startFileServer();
    server.on('/f', file(bytes));
    const got = await fetched(`${server.url}/f`);
    expect(got.result.ok).toBe(true);
    expect(got.bytes?.equals(bytes)).toBe(true);
    expect(got.progress.at(-1)).toEqual([bytes.length, bytes.length]);
  });

  it('resumes where an earlier run stopped', async () => {
    const server = await startFileServer();
    server.on('/f', file(bytes));
    const got = await fetched(`${server.url}/f`, bytes.subarray(0, 60_000));
    expect(got.bytes?.equals(bytes)).toBe(true);
    expect(server.asked).toEqual(['/f bytes=60000-']);
    expect(got.progress.at(-1)).toEqual([bytes.length, bytes.length]);
  });

  it('starts over if the server does not support ranges', async () => {
    const server = await startFileServer();
    server.on('/f', wholeFile(bytes));
    const got = await fetched(`${server.url}/f`, Buffer.from('something else'));
    expect(got.bytes?.equals(bytes)).toBe(true);
  });

  it('starts over if it has more than the server', async () => {
    const server = await startFileServer();
    server.on('/f', file(bytes));
    const got = await fetched(`${server.url}/f`, Buffer.alloc(bytes.length + 5));
    expect(got.bytes?.equals(bytes)).toBe(true);
    expect(server.asked).toEqual([`/f bytes=${String(bytes.length + 5)}-`, '/f']);
  });

  it('notices a connection that is cut, and fetches the rest', async () => {
    const server = await startFileServer();
    server.on('/f', cutFile(bytes, 30_000), cutFile(bytes, 30_000), file(bytes));
    const got = await fetched(`${server.url}/f`);
    expect(got.result.ok).toBe(true);
    expect(got.bytes?.equals(bytes)).toBe(true);
    expect(server.asked).toHaveLength(3);
    expect(server.asked[1]).toMatch(/^\/f bytes=\d+-$/);
  });

  it('gives up on a server that always cuts the connection at the same byte', async () => {
    const server = await startFileServer();
    server.on('/f', cutFile(bytes, 0));
    const got = await fetched(`${server.url}/f`);
    const why = 'connection lost after 0 of 100000 bytes';
    expect(got.result).toEqual({ ok: false, failure: { kind: 'unavailable', why } });
    expect(server.asked).toHaveLength(1 + timing.retries);
  });

  it.each([429, 500, 503])('tries again after HTTP %i', async (code) => {
    const server = await startFileServer();
    server.on('/f', status(code, { 'retry-after': '0' }), status(code), file(bytes));
    expect((await fetched(`${server.url}/f`)).bytes?.equals(bytes)).toBe(true);
    expect(server.asked).toHaveLength(3);
  });

  it.each([400, 403, 404, 410])('does not try again after HTTP %i', async (code) => {
    const server = await startFileServer();
    server.on('/f', status(code));
    const got = await fetched(`${server.url}/f`);
    expect(got.result).toEqual({ ok: false, failure: { kind: 'unavailable', why: `HTTP ${String(code)}` } });
    expect(got.bytes).toBeUndefined();
    expect(server.asked).toHaveLength(1);
  });

  it('gives up eventually', async () => {
    const server = await startFileServer();
    server.on('/f', status(502));
    const got = await fetched(`${server.url}/f`);
    expect(got.result).toEqual({ ok: false, failure: { kind: 'unavailable', why: 'HTTP 502' } });
    expect(server.asked).toHaveLength(1 + timing.retries);
  });

  it('gives up on a server that sends nothing', async () => {
    const server = await startFileServer();
    server.on('/f', silence());
    const got = await fetched(`${server.url}/f`, undefined, { silence: 100, retries: 1 });
    expect(got.result).toEqual({ ok: false, failure: { kind: 'unavailable', why: 'no response' } });
  });

  it('follows redirections', async () => {
    const server = await startFileServer();
    server.on('/f', status(302, { location: '/g' }));
    server.on('/g', file(bytes));
    expect((await fetched(`${server.url}/f`)).bytes?.equals(bytes)).toBe(true);
  });

  it('does not wait for an address that does not answer', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const got = await fetched(`http://127.0.0.1:${String(port)}/f`, undefined, {
      // Doubling from here, whoever goes on asking soon waits beyond the test's own limit.
      pause: 2,
      longestPause: 3_600_000,
      retries: 1000,
    });
    expect(got.result).toEqual({ ok: false, failure: { kind: 'unavailable', why: 'connection refused' } });
  });

  it.each(['proxy:3128', 'none'])(
    'reports that the proxy %s is not a URL, and sends no request',
    async (proxy) => {
      vi.stubEnv('http_proxy', proxy);
      onTestFinished(() => void vi.unstubAllEnvs());
      expect((await fetched('http://127.0.0.1:1/f')).result).toEqual({
        ok: false,
        failure: {
          kind: 'unavailable',
          why: `http_proxy=${proxy} is not a URL of the form http://host:port`,
        },
      });
    },
  );

  it('keeps the bytes as they are on the server, compressed or not', async () => {
    const server = await startFileServer();
    server.on('/f.gz', (request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 4 }).end('pack');
    });
    expect((await fetched(`${server.url}/f.gz`)).bytes?.toString()).toBe('pack');
  });

  it('does not write through a link', async () => {
    const server = await startFileServer();
    server.on('/f', file(bytes));
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'victim'), 'kept');
    const part = join(directory, 'part');
    symlinkSync('victim', part);
    const result = await fetchUrl({ url: `${server.url}/f`, part, progress: () => undefined, timing });
    expect(result).toMatchObject({
      ok: false,
      failure: { kind: 'failure', failure: { reason: 'unwritable', path: part } },
    });
    expect(readFileSync(join(directory, 'victim'), 'utf8')).toBe('kept');
  });

  it('distinguishes errors of the disk from those of the network', async () => {
    const server = await startFileServer();
    server.on('/f', file(bytes));
    // A full device: every write fails with ENOSPC.
    const result = await fetchUrl({
      url: `${server.url}/f`,
      part: '/dev/full',
      progress: () => undefined,
      timing,
    });
    expect(result).toMatchObject({
      ok: false,
      failure: { kind: 'failure', failure: { reason: 'no-room', path: '/dev/full' } },
    });
    expect(server.asked).toHaveLength(1);
  });
});

import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { fetchUrl, type Timing } from '../../src/sources/fetch-url.ts';
import { startRawServer, says, type Talk } from './raw-server.ts';
import { temporaryDirectory } from './temporary.ts';
import { runs } from '../setup/runs.ts';

const timing: Timing = {
  pause: 1,
  longestPause: 2,
  connectTimeout: 5000,
  silence: 20_000,
  slowest: 1,
  retries: 1,
};

async function fetched(url: string, more: Partial<Timing> = {}, progress: () => void = () => undefined) {
  const part = join(temporaryDirectory(), 'part');
  const result = await fetchUrl({ url: `${url}/f`, part, progress, timing: { ...timing, ...more } });
  return { result, part };
}

async function whyNot(talk: Talk, more: Partial<Timing> = {}): Promise<string> {
  const server = await startRawServer(talk);
  const { result } = await fetched(server.url, more);
  if (result.ok || result.failure.kind !== 'unavailable') throw new Error(JSON.stringify(result));
  return result.failure.why;
}

const ok = 'HTTP/1.1 200 OK\r\n';

// An exception outside of every promise, which would end a run, reaches no `await` here: vitest itself fails on it.

describe('a server that closes while the disk is slow', () => {
  const body = Buffer.alloc(8_000_000, 'x');
  const rest = (request: string) => body.subarray(Number(/bytes=(\d+)-/.exec(request)?.[1] ?? 0));
  /** Blocks the whole thread now and then, so that the end of the connection is there before its bytes are read. */
  const slowly = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);

  it.each([
    ['with the length', `Content-Length: ${String(body.length)}\r\n`],
    ['without', ''],
  ])('is read to its end, %s', async (_how, header) => {
    const server = await startRawServer(says(`${ok}Connection: close\r\n${header}\r\n`, body));
    const { result, part } = await fetched(server.url, {}, slowly);
    expect(result).toEqual({ ok: true, value: undefined });
    expect(readFileSync(part).equals(body)).toBe(true);
  });

  it('is asked for the rest when it closed too early', async () => {
    const cut: Talk = (socket) => {
      const head = `${ok}Connection: close\r\nContent-Length: ${String(body.length)}\r\n\r\n`;
      socket.end(Buffer.concat([Buffer.from(head), body.subarray(0, 3_000_000)]));
    };
    const whole: Talk = (socket, request) => {
      const bytes = rest(request);
      const start = body.length - bytes.length;
      const range = `Content-Range: bytes ${String(start)}-${String(body.length - 1)}/${String(body.length)}\r\n`;
      const head = `HTTP/1.1 206 Partial Content\r\nConnection: close\r\n${range}Content-Length: ${String(bytes.length)}\r\n\r\n`;
      socket.end(Buffer.concat([Buffer.from(head), bytes]));
    };
    const server = await startRawServer(cut, whole);
    const { result, part } = await fetched(server.url, {}, slowly);
    expect(result).toEqual({ ok: true, value: undefined });
    expect(server.asked[1]).toMatch(/^range: bytes=[1-9]\d*-\r$/m);
    expect(readFileSync(part).equals(body)).toBe(true);
  });
});

describe('an answer that is not HTTP', () => {
  it.each([
    ['a negative length', `${ok}Content-Length: -5\r\n\r\nhello`, 'a malformed answer'],
    [
      'a length beyond numbers',
      `${ok}Content-Length: ${'9'.repeat(40)}\r\n\r\nhello`,
      /^connection lost$|^a malformed answer/,
    ],
    [
      'a length beyond reason',
      `${ok}Content-Length: 99999999999999\r\n\r\nhello`,
      /^the file is far too large/,
    ],
    [
      'two lengths',
      `${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
      /^connection lost$|^a malformed answer/,
    ],
    [
      'a bad chunk size',
      `${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n`,
      'a malformed answer after 0 bytes',
    ],
    [
      'a chunk size beyond numbers',
      `${ok}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(30)}\r\nx`,
      /^a malformed answer/,
    ],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', /^a malformed answer/],
    ['zeros', '\0'.repeat(100), /^a malformed answer/],
    [
      'endless headers',
      `${ok}${'X-Y: z\r\n'.repeat(10_000)}\r\n`,
      /^a malformed answer \(UND_ERR_HEADERS_OVERFLOW\)$/,
    ],
    [
      'another protocol that it changes to',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      'connection lost',
    ],
    ['endless hints', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000), 'a malformed answer'],
    [
      'a redirection to nowhere',
      'HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n',
      'a redirection to an invalid URL',
    ],
    [
      'a redirection to a file',
      'HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n',
      'a redirection to an invalid address',
    ],
    [
      'redirections in a cycle',
      'HTTP/1.1 302 Found\r\nLocation: /f\r\nContent-Length: 0\r\n\r\n',
      'a redirection to an invalid address',
    ],
    ['nothing', '', 'connection lost'],
  ])('is the failure of its origin: %s', async (_what, bytes, why) => {
    expect(await whyNot(says(bytes))).toMatch(why);
  });

  it('is given up if it arrives too slowly', async () => {
    const timers = new Set<NodeJS.Timeout>();
    onTestFinished(() => {
      for (const timer of timers) clearInterval(timer);
    });
    const trickle = (head: string, drop: string): Talk => {
      return (socket) => {
        socket.write(head);
        timers.add(setInterval(() => socket.write(drop), 5));
      };
    };
    // At a million bytes a second nothing here is fast enough, however the machine is loaded.
    const soon = { silence: 100, slowest: 1_000_000 };
    expect(await whyNot(trickle(`${ok}\r\n`, 'x'), soon)).toMatch(/^the server is too slow after \d+ bytes$/);
    expect(await whyNot(trickle(ok, 'X-Y: z\r\n'), soon)).toMatch(/^(no response|a malformed answer .*)$/);
    expect(await whyNot(trickle('', 'HTTP/1.1 103 Early Hints\r\n\r\n'), soon)).toMatch(
      /^(no response|a malformed answer)$/,
    );
  });
});

/** Pieces that are nearly HTTP, so that odd ends come at every place of an answer. */
const piece = fc.oneof(
  fc.constantFrom(
    ok,
    'HTTP/1.0 200 OK\r\n',
    'HTTP/1.1 206 Partial Content\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\n\r\n',
    'HTTP/1.1 302 Found\r\nLocation: /f\r\n\r\n',
    'HTTP/1.1 416 No\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: 70000\r\n',
    'Content-Length: -1\r\n',
    'Content-Range: bytes 3-7/8\r\n',
    'Connection: close\r\n',
    'Connection: keep-alive\r\nKeep-Alive: timeout=-1\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Trailer: x\r\n',
    '\r\n',
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    'ffffffff\r\n',
    'hello',
    'x'.repeat(70_000),
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 12 }),
);
const ending = fc.constantFrom<(socket: Socket) => void>(
  (socket) => socket.end(),
  (socket) => socket.destroy(),
  (socket) => socket.resetAndDestroy(),
);
const answer = fc.tuple(fc.array(piece, { maxLength: 8 }), fc.boolean(), ending);

describe('any bytes with any end', () => {
  const talkOf = ([pieces, together, end]: readonly [
    readonly string[],
    boolean,
    (socket: Socket) => void,
  ]): Talk => {
    return (socket) => {
      const all = together ? [pieces.join('')] : pieces;
      const next = (index: number) => {
        const bytes = all[index];
        if (bytes === undefined || socket.destroyed) end(socket);
        else socket.write(Buffer.from(bytes, 'latin1'), () => setImmediate(next, index + 1));
      };
      next(0);
    };
  };

  it('end with a file or a failure of the origin', async () => {
    let talk: Talk = () => undefined;
    const server = await startRawServer((socket, request) => {
      talk(socket, request);
    });
    await fc.assert(
      fc.asyncProperty(answer, async (given) => {
        talk = talkOf(given);
        const { result } = await fetched(server.url);
        if (!result.ok) expect(result.failure.kind).toBe('unavailable');
      }),
      { numRuns: runs(300) },
    );
  });

  it('do so as answers of a proxy too', async () => {
    let talk: Talk = () => undefined;
    const proxy = await startRawServer((socket, request) => {
      talk(socket, request);
    });
    vi.stubEnv('http_proxy', proxy.url);
    vi.stubEnv('no_proxy', '');
    onTestFinished(() => void vi.unstubAllEnvs());
    await fc.assert(
      fc.asyncProperty(answer, async (given) => {
        talk = talkOf(given);
        const { result } = await fetched('http://origin.example', { silence: 300, retries: 0 });
        if (!result.ok) expect(result.failure.kind).toBe('unavailable');
      }),
      { numRuns: runs(40) },
    );
    expect(proxy.asked.length).toBeGreaterThan(0);
  });
});

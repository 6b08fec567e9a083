import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, interceptors, request, type Dispatcher } from 'undici';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { describeSystemError, errorCode } from '../core/fault.ts';
import type { FetchFault } from './fetch-fault.ts';

export interface FetchUrlRequest {
  readonly url: string;
  /** File that receives the bytes; what it holds already is taken for the beginning and is not fetched again. */
  readonly part: string;
  /** Called with bytes had so far, and all of them where the server says. */
  readonly progress: (done: number, total: number | undefined) => void;
  readonly timing?: Partial<Timing>;
}

/** Milliseconds; tests shorten them. */
export interface Timing {
  /** First pause before a retry; doubles each time, with jitter of half of it. */
  readonly pause: number;
  readonly longestPause: number;
  readonly connectTimeout: number;
  /** Longest silence of a server. */
  readonly silence: number;
  /** Retries in a row that bring no byte. */
  readonly retries: number;
}

export const defaultTiming: Timing = {
  pause: 500,
  longestPause: 15_000,
  connectTimeout: 10_000,
  silence: 30_000,
  retries: 5,
};

/** No archive of ours is near this; a server that sends more is not sending the archive. */
const mostBytes = 4 * 2 ** 30;

/** For servers that cut the connection after every few bytes. */
const mostRequests = 60;

/** Refusals that come at once and stay: one short retry, then the next origin. */
const unreachable: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
  'EPERM',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What one request came to. */
type Step =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly why: string; readonly most: number; readonly after?: number }
  | { readonly kind: 'gone'; readonly why: string }
  | { readonly kind: 'failure'; readonly failure: Failure };

/**
 * Fetches a file over HTTP. Cut connections, server errors (5xx) and 429 are tried again with growing pauses, from the
 * byte that is missing; 404 and its like are not. The bytes are not verified here.
 */
export async function fetchUrl(fetch: FetchUrlRequest): Promise<Result<void, FetchFault>> {
  const timing = { ...defaultTiming, ...fetch.timing };
  const misnamed = proxyVariables.find((name) => !isProxy(process.env[name] ?? ''));
  if (misnamed !== undefined) {
    const why = `${misnamed}=${process.env[misnamed] ?? ''} is no URL as http://host:port`;
    return failed({ kind: 'unavailable', why });
  }
  const agent = new EnvHttpProxyAgent({
    connect: { timeout: timing.connectTimeout },
    headersTimeout: timing.silence,
    bodyTimeout: timing.silence,
  });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }));
  try {
    let barren = 0;
    for (let requests = 1; ; requests += 1) {
      const before = await sizeOf(fetch.part);
      const step = await fetchOnce(fetch, dispatcher, before, timing);
      if (step.kind === 'done') return ok(undefined);
      if (step.kind === 'failure') return failed(step);
      if (step.kind === 'gone') return failed({ kind: 'unavailable', why: step.why });
      barren = (await sizeOf(fetch.part)) > before ? 1 : barren + 1;
      if (barren > Math.min(step.most, timing.retries) || requests > mostRequests) {
        return failed({ kind: 'unavailable', why: step.why });
      }
      await sleep(step.after ?? pauseBefore(barren, timing));
    }
  } finally {
    // Not `close`: that would wait for bodies nobody reads any more.
    await agent.destroy();
  }
}

const proxyVariables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'];

/** Whether the agent below can be made with it: it throws on anything else. */
function isProxy(value: string): boolean {
  return value === '' || (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol));
}

/** Exponential, half of it random: many machines that lost one server do not come back at one instant. */
function pauseBefore(retry: number, timing: Timing): number {
  const whole = Math.min(timing.longestPause, timing.pause * 2 ** (retry - 1));
  return whole / 2 + (Math.random() * whole) / 2;
}

async function fetchOnce(
  fetch: FetchUrlRequest,
  dispatcher: Dispatcher,
  offset: number,
  timing: Timing,
): Promise<Step> {
  let response: Dispatcher.ResponseData;
  try {
    response = await request(fetch.url, {
      dispatcher,
      headers: {
        // Without this some servers unpack or pack on the way, and the hash is that of the file as it lies.
        'accept-encoding': 'identity',
        'user-agent': 'bootstrap',
        ...(offset > 0 ? { range: `bytes=${String(offset)}-` } : {}),
      },
    });
  } catch (error) {
    return networkFault(error);
  }
  const { statusCode, headers, body } = response;
  const from = statusCode === 206 ? rangeStart(headers['content-range']) : 0;
  if ((statusCode !== 200 && statusCode !== 206) || (from !== 0 && from !== offset)) {
    await body.dump().catch(() => undefined);
    return statusFault(statusCode, headers['retry-after'], fetch, timing);
  }
  const length = lengthOf(headers['content-length']);
  const total = length === undefined ? undefined : from + length;
  if (total !== undefined && total > mostBytes) {
    body.destroy();
    return { kind: 'gone', why: `the file is absurdly large: ${String(total)} bytes` };
  }
  return receive(fetch, body, from, total);
}

async function receive(
  fetch: FetchUrlRequest,
  body: AsyncIterable<Uint8Array>,
  from: number,
  total: number | undefined,
): Promise<Step> {
  let done = from;
  // Errors of the disk and of the network meet in one loop; the disk's are wrapped to tell them apart.
  try {
    const file = await onDisk(() => open(fetch.part, from === 0 ? 'w' : 'a'));
    try {
      for await (const bytes of body) {
        await onDisk(() => file.write(bytes));
        done += bytes.length;
        if (done > mostBytes) return { kind: 'gone', why: `it sent more than ${String(mostBytes)} bytes` };
        fetch.progress(done, total);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof DiskError)) return brokenOff(networkFault(error), done, total);
    const failure = describeSystemError(error.cause, fetch.part);
    if (failure === undefined) throw error.cause;
    return { kind: 'failure', failure };
  }
  if (total !== undefined && done < total) {
    return brokenOff({ kind: 'retry', why: 'cut off', most: Infinity }, done, total);
  }
  return { kind: 'done' };
}

/** Adds how far it came, which tells a cut connection from a server that is down. */
function brokenOff(step: Step, done: number, total: number | undefined): Step {
  if (step.kind !== 'retry') return step;
  const all = total === undefined ? '' : ` of ${String(total)}`;
  return { ...step, why: `${step.why} after ${String(done)}${all} bytes` };
}

class DiskError extends Error {}

async function onDisk<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw new DiskError('disk', { cause: error });
  }
}

function networkFault(error: unknown): Step {
  const code = errorCode(error) ?? errorCode(error instanceof Error ? error.cause : undefined);
  // Without a code it is no refusal of a system or of the client, but our bug, or a malformed URL of the user.
  if (code === undefined && !(error instanceof AggregateError)) throw error;
  const why = code ?? 'no address answers';
  return {
    kind: 'retry',
    why: described[why] ?? why,
    most: code === undefined || unreachable.has(code) ? 1 : Infinity,
  };
}

const described: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection lost',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'name lookup failed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  UND_ERR_HEADERS_TIMEOUT: 'no answer',
  UND_ERR_BODY_TIMEOUT: 'the server fell silent',
  UND_ERR_SOCKET: 'connection lost',
};

async function statusFault(
  status: number,
  retryAfter: string | string[] | undefined,
  fetch: FetchUrlRequest,
  timing: Timing,
): Promise<Step> {
  const why = `HTTP ${String(status)}`;
  if (status === 416 || status === 206) {
    // Our beginning is longer than the file, or the server answers another range: begin anew.
    const file = await open(fetch.part, 'w');
    await file.close();
    return { kind: 'retry', why: `${why}: the range was refused`, most: 2, after: 0 };
  }
  if (status !== 429 && status < 500) return { kind: 'gone', why };
  const seconds = typeof retryAfter === 'string' ? Number(retryAfter) : NaN;
  const after = Number.isFinite(seconds) ? Math.min(timing.longestPause, seconds * 1000) : undefined;
  return { kind: 'retry', why, most: Infinity, ...(after === undefined ? {} : { after }) };
}

function rangeStart(header: string | string[] | undefined): number | undefined {
  const start = typeof header === 'string' ? /^bytes (\d+)-/.exec(header)?.[1] : undefined;
  return start === undefined ? undefined : Number(start);
}

function lengthOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : undefined;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}

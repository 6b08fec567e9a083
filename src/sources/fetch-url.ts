import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { describeSystemError, errorCode } from '../core/fault.ts';
import type { FetchFault } from './fetch-fault.ts';
import { sendRequest, type BodyReader, type HttpTiming } from './http-request.ts';

export interface FetchUrlRequest {
  readonly url: string;
  /** File that receives the bytes; what it already contains is taken to be the beginning and is not fetched again. */
  readonly part: string;
  /** Called with the number of bytes received so far, and the total if the server gives it. */
  readonly progress: (done: number, total: number | undefined) => void;
  readonly timing?: Partial<Timing>;
}

/** In milliseconds, unless noted otherwise; tests shorten them. */
export interface Timing extends HttpTiming {
  /** First pause before a retry; doubles each time, with jitter of half of it. */
  readonly pause: number;
  readonly longestPause: number;
  /** Number of consecutive retries that receive nothing. */
  readonly retries: number;
}

const defaultTiming: Timing = {
  pause: 500,
  longestPause: 15_000,
  connectTimeout: 10_000,
  silence: 30_000,
  slowest: 500,
  retries: 5,
};

/** None of our archives is nearly this large; a server that sends more is not sending the archive. */
const mostBytes = 4 * 2 ** 30;

/** Limits requests to servers that cut the connection after every few bytes. */
const mostRequests = 60;

/** Result of one request. */
type Step =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly why: string; readonly most: number; readonly after?: number }
  | { readonly kind: 'gone'; readonly why: string }
  | { readonly kind: 'failure'; readonly failure: Failure };

/**
 * Fetches a file over HTTP. Cut connections, server errors (5xx) and 429 are retried after growing pauses, from the
 * first missing byte; 404 and similar errors are not. The bytes are not verified here.
 */
export async function fetchUrl(fetch: FetchUrlRequest): Promise<Result<void, FetchFault>> {
  const timing = { ...defaultTiming, ...fetch.timing };
  const misnamed = proxyVariables.find((name) => !isHttpUrl(process.env[name] ?? '', ''));
  if (misnamed !== undefined) {
    const why = `${misnamed}=${process.env[misnamed] ?? ''} is not a URL of the form http://host:port`;
    return failed({ kind: 'unavailable', why });
  }
  if (!isHttpUrl(fetch.url)) return failed({ kind: 'unavailable', why: 'it is not an http or https URL' });
  let barren = 0;
  for (let requests = 1; ; requests += 1) {
    const before = await sizeOf(fetch.part);
    const step = await fetchOnce(fetch, before, timing);
    if (step.kind === 'done') return ok(undefined);
    if (step.kind === 'failure') return failed(step);
    if (step.kind === 'gone') return failed({ kind: 'unavailable', why: step.why });
    barren = (await sizeOf(fetch.part)) > before ? 1 : barren + 1;
    if (barren > Math.min(step.most, timing.retries) || requests > mostRequests) {
      return failed({ kind: 'unavailable', why: step.why });
    }
    await sleep(step.after ?? pauseBefore(barren, timing));
  }
}

const proxyVariables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'];

/** undici throws on anything else; `also` is accepted too. */
function isHttpUrl(value: string, also?: string): boolean {
  return value === also || (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol));
}

/** Exponential, half of it random, so that many machines that lost the same server do not all return at once. */
function pauseBefore(retry: number, timing: Timing): number {
  const whole = Math.min(timing.longestPause, timing.pause * 2 ** (retry - 1));
  return whole / 2 + (Math.random() * whole) / 2;
}

async function fetchOnce(fetch: FetchUrlRequest, offset: number, timing: Timing): Promise<Step> {
  const download = new Download(fetch, offset, timing);
  try {
    const outcome = await sendRequest({
      url: new URL(fetch.url),
      headers: {
        // Otherwise some servers change the compression, but the hash is that of the file as stored.
        'accept-encoding': 'identity',
        'user-agent': 'bootstrap',
        ...(offset > 0 ? { range: `bytes=${String(offset)}-` } : {}),
      },
      timing,
      onAnswer: (status, headers) => download.begin(status, headers),
    });
    switch (outcome.kind) {
      case 'complete':
      case 'stopped':
        return await download.end();
      case 'broken':
        return download.brokenOff(outcome.why, outcome.lasting ? 1 : Infinity);
      case 'threw':
        throw outcome.error;
    }
  } catch (error) {
    const failure = describeSystemError(error, fetch.part);
    if (failure === undefined) throw error;
    return { kind: 'failure', failure };
  } finally {
    download.close();
  }
}

/** One response being written to the part file. */
class Download {
  readonly #fetch: FetchUrlRequest;
  readonly #offset: number;
  readonly #timing: Timing;
  /** The result of a response that contains no bytes of the file. */
  #refusal: Step | undefined;
  /** Whether what the part file contains is not the beginning of the file. */
  #isWorthless = false;
  #file: number | undefined;
  /** Bytes of the file in the part file, and of the whole file if the server gives its size. */
  #done = 0;
  #total: number | undefined;

  constructor(fetch: FetchUrlRequest, offset: number, timing: Timing) {
    this.#fetch = fetch;
    this.#offset = offset;
    this.#timing = timing;
  }

  begin(status: number, headers: IncomingHttpHeaders): BodyReader | undefined {
    const from = status === 206 ? rangeStart(headers['content-range']) : 0;
    if ((status !== 200 && status !== 206) || (from !== 0 && from !== this.#offset)) {
      this.#isWorthless = status === 416 || status === 206;
      this.#refusal = statusFault(status, headers['retry-after'], this.#timing);
      return undefined;
    }
    const length = lengthOf(headers['content-length']);
    this.#total = length === undefined ? undefined : from + length;
    if (this.#total !== undefined && this.#total > mostBytes) {
      this.#refusal = { kind: 'gone', why: `the file is far too large: ${String(this.#total)} bytes` };
      return undefined;
    }
    this.#done = from;
    const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_APPEND, O_TRUNC } = constants;
    const flags = O_WRONLY | O_CREAT | O_NOFOLLOW | (from === 0 ? O_TRUNC : O_APPEND);
    const file = openSync(this.#fetch.part, flags, 0o644);
    this.#file = file;
    return (bytes) => this.#write(file, bytes);
  }

  /** Synchronous, so that a server which is faster than the disk has to wait, and no data accumulates. */
  #write(file: number, bytes: Uint8Array): boolean {
    for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
    this.#done += bytes.length;
    if (this.#done > mostBytes) {
      this.#isWorthless = true;
      this.#refusal = { kind: 'gone', why: `it sent more than ${String(mostBytes)} bytes` };
      return false;
    }
    this.#fetch.progress(this.#done, this.#total);
    return true;
  }

  /** To be called after the last byte. */
  async end(): Promise<Step> {
    // Our part is longer than the file, or the server returned a different range: start over.
    if (this.#isWorthless) await truncate(this.#fetch.part).catch(ignoreMissing);
    if (this.#refusal !== undefined) return this.#refusal;
    if (this.#total !== undefined && this.#done < this.#total) return this.brokenOff('cut off', Infinity);
    return { kind: 'done' };
  }

  /** Adds how much was received, which distinguishes a cut connection from a server that is down. */
  brokenOff(why: string, most: number): Step {
    if (this.#file === undefined) return { kind: 'retry', why, most };
    const all = this.#total === undefined ? '' : ` of ${String(this.#total)}`;
    return { kind: 'retry', why: `${why} after ${String(this.#done)}${all} bytes`, most };
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function statusFault(status: number, retryAfter: string | undefined, timing: Timing): Step {
  const why = `HTTP ${String(status)}`;
  if (status === 416 || status === 206) {
    return { kind: 'retry', why: `${why}: the range was refused`, most: 2, after: 0 };
  }
  if (status !== 429 && status < 500) return { kind: 'gone', why };
  const seconds = Number(retryAfter ?? NaN);
  const after = Number.isFinite(seconds)
    ? Math.min(timing.longestPause, Math.max(0, seconds * 1000))
    : undefined;
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

function ignoreMissing(error: unknown): void {
  if (errorCode(error) !== 'ENOENT') throw error;
}

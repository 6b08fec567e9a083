import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import {
  httpAgent,
  sendRequest,
  type HttpIdentity,
  type HttpOutcome,
  type HttpTiming,
} from '../sources/http-request.ts';

export interface HttpPlaceOptions {
  /** Below which everything lies; without credentials. */
  readonly url: URL;
  /** Of every request. They are never printed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly identity?: HttpIdentity;
  readonly timing?: Partial<HttpTiming>;
  /** Called once, when the server is given up. */
  readonly onTrouble: (why: string) => void;
}

/** What is sent: bytes, or what opens a file of a known size. */
export type Content = Uint8Array | { readonly open: () => Readable; readonly size: number };

/** A cache that takes longer than this is slower than many an action. */
const defaultTiming: HttpTiming = { connectTimeout: 10_000, silence: 20_000, slowest: 500 };
/** A server answers only when it has taken everything. */
const sendingSilence = 300_000;
/** A server that fails so often in a row is given up. */
const patience = 3;

/** Files that a server gives and takes by name. Whatever it does becomes an answer: nothing here rejects or waits for ever. */
export class HttpPlace {
  /** For messages. */
  readonly shown: string;
  readonly #options: HttpPlaceOptions;
  readonly #timing: HttpTiming;
  readonly #agent: Dispatcher;
  #failures = 0;
  #givenUp = false;

  constructor(options: HttpPlaceOptions) {
    this.#options = options;
    this.#timing = { ...defaultTiming, ...options.timing };
    const { identity } = options;
    const tls = identity === undefined ? {} : { tls: identity };
    this.#agent = httpAgent(this.#timing, { connections: 16, ...tls });
    this.shown = options.url.href;
  }

  async close(): Promise<void> {
    this.#givenUp = true;
    await this.#agent.destroy();
  }

  /** At most so many bytes of a file. Undefined: it is not there, is larger, or the server does not give it. */
  async get(name: string, most: number, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    for (let attempt = 1; !this.#isOver(signal); attempt += 1) {
      const pieces: Uint8Array[] = [];
      let status = 0;
      let bytes = 0;
      const outcome = await sendRequest({
        ...this.#requestFor(name, signal),
        onAnswer: (answered) => {
          status = answered;
          return (piece) => {
            bytes += piece.length;
            if (answered === 200 && bytes <= most) pieces.push(piece);
            return bytes <= most;
          };
        },
      });
      if (this.#judge(outcome, status) === 'again' && attempt === 1) continue;
      return outcome.kind === 'complete' && status === 200 ? Buffer.concat(pieces) : undefined;
    }
    return undefined;
  }

  /** Whether a file is there, as far as the server says. */
  async has(name: string, signal: AbortSignal): Promise<boolean> {
    if (this.#isOver(signal)) return false;
    let status = 0;
    const outcome = await sendRequest({
      ...this.#requestFor(name, signal),
      method: 'HEAD',
      onAnswer: (answered) => {
        status = answered;
        return () => true;
      },
    });
    this.#judge(outcome, status);
    return outcome.kind === 'complete' && status === 200;
  }

  /** Leaves a file there. Returns why the server does not take it; undefined: it does. */
  async put(name: string, content: Content, signal: AbortSignal): Promise<string | undefined> {
    let refusal = 'the server was given up';
    for (let attempt = 1; !this.#isOver(signal); attempt += 1) {
      let status = 0;
      const size = content instanceof Uint8Array ? content.length : content.size;
      const request = this.#requestFor(name, signal);
      const outcome = await sendRequest({
        ...request,
        method: 'PUT',
        body: content instanceof Uint8Array ? content : content.open(),
        headers: { ...request.headers, 'content-length': String(size) },
        timing: { ...this.#timing, silence: Math.max(this.#timing.silence, sendingSilence) },
        onAnswer: (answered) => {
          status = answered;
          return () => true;
        },
      });
      if (outcome.kind === 'complete' && status >= 200 && status < 300) {
        this.#failures = 0;
        return undefined;
      }
      refusal = outcome.kind === 'broken' ? outcome.why : statusText(status);
      if (attempt > 1 || (outcome.kind === 'complete' && status < 500)) return refusal;
    }
    return refusal;
  }

  #isOver(signal: AbortSignal | undefined): boolean {
    return this.#givenUp || signal?.aborted === true;
  }

  #requestFor(name: string, signal: AbortSignal | undefined) {
    const { url, headers } = this.#options;
    const place = new URL(url);
    place.pathname = `${place.pathname.replace(/\/+$/, '')}/${name}`;
    return { url: place, headers, timing: this.#timing, agent: this.#agent, signal };
  }

  /** `again`: another attempt may have more luck. */
  #judge(outcome: HttpOutcome, status: number): 'settled' | 'again' {
    if (outcome.kind === 'stopped') return 'settled';
    if (outcome.kind === 'complete' && (status < 400 || status === 404 || status === 410)) {
      this.#failures = 0;
      return 'settled';
    }
    const passing = status >= 500 || status === 408 || status === 429;
    const lasting = outcome.kind === 'broken' ? outcome.lasting : !passing;
    this.#failures += lasting ? patience : 1;
    if (this.#failures < patience) return 'again';
    if (!this.#givenUp) this.#options.onTrouble(outcome.kind === 'broken' ? outcome.why : statusText(status));
    this.#givenUp = true;
    return 'settled';
  }
}

/** What a status means to whoever set up the cache. */
function statusText(status: number): string {
  const meanings: Readonly<Record<number, string>> = {
    400: 'it does not understand us, or wants a client certificate',
    401: 'it wants other credentials',
    403: 'it does not allow this',
    404: 'there is nothing at this address',
    405: 'it does not allow this',
    407: 'a proxy wants credentials',
    411: 'it wants to know sizes in another way',
    413: 'a file is too large for it',
    429: 'too many requests',
    507: 'it is full',
  };
  const meaning = meanings[status];
  return meaning === undefined ? `it answers ${String(status)}` : `${meaning} (${String(status)})`;
}

import type { IncomingHttpHeaders } from 'node:http';
import { EnvHttpProxyAgent, interceptors, type Dispatcher } from 'undici';
import { errorCode } from '../core/fault.ts';

export interface GetRequest {
  /** Of http or https. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly timing: GetTiming;
  /** Decides what happens to the body: a function that gets its pieces in order, or undefined to stop here. */
  readonly onAnswer: (status: number, headers: IncomingHttpHeaders) => BodyReader | undefined;
}

/** Gets the next bytes and is done with them when it returns, so that none pile up; false: that is enough. */
export type BodyReader = (bytes: Uint8Array) => boolean;

export interface GetTiming {
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** Milliseconds in which an answer, and then at least `slowest` bytes a second of it, must come. */
  readonly silence: number;
  /** Bytes a second. */
  readonly slowest: number;
}

/** What a request came to. */
export type GetOutcome =
  /** The whole answer came, as far as the server's own words tell. */
  | { readonly kind: 'complete' }
  /** Stopped by `onAnswer` or the reader of the body. */
  | { readonly kind: 'stopped' }
  /** Our own `onAnswer` or reader threw this; no fault of the server. */
  | { readonly kind: 'threw'; readonly error: unknown }
  /** No answer, or one that broke off or is not HTTP. `lasting`: asking again at once is of little use. */
  | { readonly kind: 'broken'; readonly why: string; readonly lasting: boolean };

/**
 * Sends one GET request, through the proxies of the environment and up to five redirections. Whatever a server sends
 * or does not send becomes an outcome: this neither throws nor waits for ever.
 *
 * The body is handed over as it comes in and never paused: undici's HTTP/1 parser dies of an assertion, outside of
 * any promise, where a server closes the connection while its reader has paused it.
 */
export function get(request: GetRequest): Promise<GetOutcome> {
  const { timing } = request;
  const agent = new EnvHttpProxyAgent({
    connect: { timeout: timing.connectTimeout },
    // The watch below does this: it sees servers that trickle, too, and proxies.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return new Promise<GetOutcome>((resolve) => {
    const transfer = new Transfer(request, (outcome) => {
      clearInterval(watch);
      resolve(outcome);
      // Not awaited: it ends sockets, and the answer does not depend on how.
      agent.destroy().catch(() => undefined);
    });
    const watch = setInterval(() => {
      transfer.checkPace();
    }, timing.silence);
    try {
      const { origin, pathname, search } = request.url;
      agent
        .compose(interceptors.redirect({ maxRedirections: 5 }))
        .dispatch(
          { origin, path: `${pathname}${search}`, method: 'GET', headers: { ...request.headers } },
          transfer,
        );
    } catch (error) {
      transfer.settle(brokenBy(error));
    }
  });
}

/** Provisional answers (1xx) that are listened to; honest servers send one. */
const mostHints = 20;

class EndlessHints extends Error {}

/** One request under way, as undici calls it. None of these methods throws. */
class Transfer implements Dispatcher.DispatchHandler {
  readonly #request: GetRequest;
  readonly #onEnd: (outcome: GetOutcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #reader: BodyReader | undefined;
  /** Bytes since the last look at the pace. */
  #recent = 0;
  #hints = 0;
  #settled = false;

  constructor(request: GetRequest, onEnd: (outcome: GetOutcome) => void) {
    this.#request = request;
    this.#onEnd = onEnd;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(new Error('settled'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#guarded(() => {
      // Early hints and the like come before the answer, and are none.
      if (status < 200) {
        this.#hints += 1;
        if (this.#hints > mostHints) throw new EndlessHints();
        return true;
      }
      this.#reader = this.#request.onAnswer(status, headers);
      this.#recent = 0;
      return this.#reader !== undefined;
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    this.#recent += bytes.length;
    this.#guarded(() => this.#reader?.(bytes) ?? false);
  }

  onResponseEnd(): void {
    this.settle({ kind: 'complete' });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.settle(brokenBy(error));
  }

  /** Called every `silence` milliseconds. */
  checkPace(): void {
    const { silence, slowest } = this.#request.timing;
    const recent = this.#recent;
    this.#recent = 0;
    if (recent >= (silence * slowest) / 1000 && recent > 0) return;
    const silent = this.#reader === undefined ? 'no response' : 'the server stopped responding';
    this.settle({ kind: 'broken', why: recent === 0 ? silent : 'the server is too slow', lasting: false });
  }

  settle(outcome: GetOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onEnd(outcome);
    if (outcome.kind !== 'complete') this.#controller?.abort(new Error('settled'));
  }

  /** A step of ours within undici's call stack. */
  #guarded(step: () => boolean): void {
    if (this.#settled) return;
    try {
      if (!step()) this.settle({ kind: 'stopped' });
    } catch (error) {
      if (error instanceof EndlessHints) this.settle(brokenBy(error));
      else this.settle({ kind: 'threw', error });
    }
  }
}

/** Errors of connecting come at once and stay; those of an answer may be gone with the next. */
function brokenBy(error: unknown): GetOutcome {
  const code = errorCode(error) ?? errorCode(error instanceof Error ? error.cause : undefined);
  if (code === undefined) {
    const why = error instanceof AggregateError ? 'no address answers' : 'a malformed answer';
    return { kind: 'broken', why, lasting: true };
  }
  const passing = described.passing[code];
  if (passing !== undefined) return { kind: 'broken', why: passing, lasting: false };
  const malformed = /^(HPE_|ERR_ASSERTION$|UND_ERR_)/.test(code) ? `a malformed answer (${code})` : code;
  return { kind: 'broken', why: described.lasting[code] ?? malformed, lasting: true };
}

const described: Readonly<Record<'passing' | 'lasting', Readonly<Record<string, string>>>> = {
  passing: {
    ECONNRESET: 'connection lost',
    EPIPE: 'connection lost',
    ETIMEDOUT: 'connection lost',
    UND_ERR_SOCKET: 'connection lost',
    UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'connection lost',
  },
  lasting: {
    ECONNREFUSED: 'connection refused',
    ENOTFOUND: 'no such host',
    EAI_AGAIN: 'name lookup failed',
    EHOSTUNREACH: 'host unreachable',
    ENETUNREACH: 'network unreachable',
    ERR_INVALID_URL: 'a redirection to an invalid URL',
    UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
    // The URL itself has been checked: only where a redirection points is left.
    UND_ERR_INVALID_ARG: 'a redirection that leads nowhere',
  },
};

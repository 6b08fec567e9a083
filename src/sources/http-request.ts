import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { EnvHttpProxyAgent, interceptors, type Dispatcher } from 'undici';
import { errorCode } from '../core/fault.ts';

export interface HttpRequest {
  /** Undefined: GET. */
  readonly method?: 'GET' | 'HEAD' | 'PUT';
  /** What is sent. Undefined: nothing. */
  readonly body?: Uint8Array | Readable;
  /** An http or https URL. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly timing: HttpTiming;
  /** Keeps connections for several requests; whoever made it ends it. Undefined: a connection of its own. */
  readonly agent?: Dispatcher;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
  /** Decides what to do with the body: a function that receives its pieces in order, or undefined to stop here. */
  readonly onAnswer: (status: number, headers: IncomingHttpHeaders) => BodyReader | undefined;
}

/**
 * Receives the next bytes and has processed them when it returns, so that no data accumulates; false stops the
 * transfer.
 */
export type BodyReader = (bytes: Uint8Array) => boolean;

export interface HttpTiming {
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** Milliseconds within which a response, and then at least `slowest` bytes per second of it, must arrive. */
  readonly silence: number;
  /** Bytes per second. */
  readonly slowest: number;
}

/** Result of a request. */
export type HttpOutcome =
  /** The whole response arrived, as far as the server's headers tell. */
  | { readonly kind: 'complete' }
  /** Stopped by `onAnswer`, by the reader of the body, or by the signal. */
  | { readonly kind: 'stopped' }
  /** Our own `onAnswer` or reader threw this; not the server's fault. */
  | { readonly kind: 'threw'; readonly error: unknown }
  /** No response, or one that was cut off or is not HTTP. `lasting`: retrying at once is unlikely to help. */
  | { readonly kind: 'broken'; readonly why: string; readonly lasting: boolean };

/** An agent that goes through the proxies in the environment. */
export function httpAgent(
  timing: Pick<HttpTiming, 'connectTimeout'>,
  options: Pick<EnvHttpProxyAgent.Options, 'connections'> & { readonly tls?: HttpIdentity } = {},
): Dispatcher {
  const { tls, ...rest } = options;
  return new EnvHttpProxyAgent({
    ...rest,
    connect: { timeout: timing.connectTimeout, ...tls },
    // `checkPace` below does this, and also covers slow servers and proxies.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/** PEM texts: which authorities a server's certificate may come from, and who we are. */
export interface HttpIdentity {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Sends one request, through the proxies in the environment and up to five redirections of a GET. Whatever a server sends or
 * does not send becomes an outcome: this function neither throws nor waits for ever.
 *
 * The body is passed on as it arrives and never paused: undici's HTTP/1 parser fails an assertion, outside of any
 * promise, if a server closes the connection while the reader has paused it.
 */
export function sendRequest(request: HttpRequest): Promise<HttpOutcome> {
  const { timing, method = 'GET', body = null } = request;
  const agent = request.agent ?? httpAgent(timing);
  return new Promise<HttpOutcome>((resolve) => {
    const transfer = new Transfer(request, (outcome) => {
      clearInterval(watch);
      request.signal?.removeEventListener('abort', stop);
      resolve(outcome);
      // Not awaited: it only closes sockets, and the outcome does not depend on that.
      if (request.agent === undefined) agent.destroy().catch(() => undefined);
    });
    const watch = setInterval(() => {
      transfer.checkPace();
    }, timing.silence);
    const stop = (): void => {
      transfer.settle({ kind: 'stopped' });
    };
    request.signal?.addEventListener('abort', stop, { once: true });
    if (request.signal?.aborted === true) {
      stop();
      return;
    }
    try {
      const { origin, pathname, search } = request.url;
      agent
        .compose(interceptors.redirect({ maxRedirections: method === 'GET' ? 5 : 0 }))
        .dispatch(
          { origin, path: `${pathname}${search}`, method, body, headers: { ...request.headers } },
          transfer,
        );
    } catch (error) {
      transfer.settle(brokenBy(error));
    }
  });
}

/** Limit on provisional responses (1xx); well-behaved servers send one. */
const mostHints = 20;

class EndlessHints extends Error {}

/** A request in progress, as the handler that undici calls. None of these methods throws. */
class Transfer implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest;
  readonly #onEnd: (outcome: HttpOutcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #reader: BodyReader | undefined;
  /** Bytes since the last check of the rate. */
  #recent = 0;
  #hints = 0;
  #settled = false;

  constructor(request: HttpRequest, onEnd: (outcome: HttpOutcome) => void) {
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
      // Early hints and similar responses precede the final one.
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

  settle(outcome: HttpOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#onEnd(outcome);
    if (outcome.kind !== 'complete') this.#controller?.abort(new Error('settled'));
  }

  /** Runs our own code within undici's call stack. */
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

/** Connection errors are immediate and persist; errors in a response may not recur. */
function brokenBy(error: unknown): HttpOutcome {
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
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'a certificate of an authority that is not known here',
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'a certificate of an authority that is not known here',
    SELF_SIGNED_CERT_IN_CHAIN: 'a certificate of an authority that is not known here',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'a certificate that is signed by itself',
    CERT_HAS_EXPIRED: 'a certificate that has expired',
    ERR_TLS_CERT_ALTNAME_INVALID: 'a certificate for another name',
    EHOSTUNREACH: 'host unreachable',
    ENETUNREACH: 'network unreachable',
    ERR_INVALID_URL: 'a redirection to an invalid URL',
    UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
    // The request's own URL has been checked, so only the target of a redirection is left.
    UND_ERR_INVALID_ARG: 'a redirection to an invalid address',
  },
};

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A server that gives and takes files, as nginx does with WebDAV, and that can be told to misbehave. */
export class CacheServer {
  readonly files = new Map<string, Buffer>();
  /** METHOD /PATH of all requests. */
  readonly requests: string[] = [];
  /** Header `authorization` of each request that wrote. */
  readonly credentials: (string | undefined)[] = [];
  /** Answers in place of the usual; `undefined` as usual, `hang` never. */
  answer: (request: IncomingMessage) => number | 'hang' | 'cut' | undefined = () => undefined;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });

  async start(): Promise<URL> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => this.stop());
    return new URL(`http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/base/`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Names of what lies there: `ac` or `cas`. */
  names(kind: string): readonly string[] {
    return [...this.files.keys()].filter((name) => name.startsWith(`/base/${kind}/`));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    this.requests.push(`${method} ${url}`);
    const answer = this.answer(request);
    if (answer === 'hang') return;
    if (answer === 'cut') {
      response.writeHead(200, { 'content-length': '100000' });
      response.write('half');
      setTimeout(() => response.destroy(), 5);
      return;
    }
    const body = await buffer(request);
    if (method === 'PUT') this.credentials.push(request.headers.authorization);
    const file = this.files.get(url);
    const status = answer ?? (method === 'PUT' ? 201 : file === undefined ? 404 : 200);
    if (status === 201) this.files.set(url, body);
    response.writeHead(status);
    response.end(status === 200 && method === 'GET' ? file : undefined);
  }
}

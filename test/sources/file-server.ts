import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FileServer {
  readonly url: string;
  /** What was asked: path, and the range if any. */
  readonly asked: string[];
  /** Gives the answers of a path one after the other; the last one stays. */
  on(path: string, ...answers: readonly Answer[]): void;
}

/** A web server on the loopback that answers as a test says; 404 for the rest. Gone after the test. */
export async function startFileServer(): Promise<FileServer> {
  const routes = new Map<string, Answer[]>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const { range } = request.headers;
    asked.push(range === undefined ? path : `${path} ${range}`);
    const answers = routes.get(path) ?? [status(404)];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  );
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked,
    on: (path, ...answers) => routes.set(path, [...answers]),
  };
}

/** The whole file, or the part of it that is asked for. */
export function file(bytes: Uint8Array): Answer {
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? NaN);
    if (Number.isNaN(start)) {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    } else if (start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${String(bytes.length)}` }).end();
    } else {
      const rest = bytes.subarray(start);
      const range = `bytes ${String(start)}-${String(bytes.length - 1)}/${String(bytes.length)}`;
      response.writeHead(206, { 'content-length': rest.length, 'content-range': range }).end(rest);
    }
  };
}

/** The whole file, also for those who ask for a part. */
export function wholeFile(bytes: Uint8Array): Answer {
  return (_request, response) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
}

/** Says that it sends all and cuts the connection after so many bytes. */
export function cutFile(bytes: Uint8Array, after: number): Answer {
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const rest = bytes.subarray(start);
    const range = `bytes ${String(start)}-${String(bytes.length - 1)}/${String(bytes.length)}`;
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': rest.length,
      ...(start > 0 ? { 'content-range': range } : {}),
    });
    // What is still on its way when a connection breaks is lost to the receiver.
    response.write(rest.subarray(0, after), () => setTimeout(() => response.destroy(), 50));
  };
}

export function status(code: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => response.writeHead(code, headers).end(`status ${String(code)}`);
}

/** Takes the request and says nothing. */
export function silence(): Answer {
  return () => undefined;
}

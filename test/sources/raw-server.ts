import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a server does on one connection, after the head of a request has come. */
export type Talk = (socket: Socket, request: string) => void;

export interface RawServer {
  readonly url: string;
  /** Heads of the requests. */
  readonly asked: string[];
}

/** A server on the loopback that speaks whatever bytes a test likes. The last talk stays. Gone after the test. */
export async function startRawServer(...talks: readonly Talk[]): Promise<RawServer> {
  const left = [...talks];
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Who hangs up on a server that is still talking resets its connection.
    socket.on('error', () => undefined);
    socket.once('data', (head) => {
      asked.push(head.toString('latin1'));
      const talk = left.length > 1 ? left.shift() : left[0];
      talk?.(socket, head.toString('latin1'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          resolve();
        });
      }),
  );
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, asked };
}

/** Says this and hangs up. */
export function says(...pieces: readonly (string | Uint8Array)[]): Talk {
  return (socket) => {
    for (const piece of pieces) socket.write(piece);
    socket.end();
  };
}

import { createServer } from 'node:net';
import { errorCode } from '../core/fault.ts';

/** The only address at which a guest can be reached. */
export const loopback = '127.0.0.1';

/**
 * The port's number if this user can listen on it on 127.0.0.1 and nobody else does, otherwise undefined. 0: any free
 * port.
 */
export function probePort(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if (['EADDRINUSE', 'EACCES'].includes(errorCode(error) ?? '')) resolve(undefined);
      else reject(error);
    });
    server.listen({ host: loopback, port, exclusive: true }, () => {
      const address = server.address();
      const found = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(found));
    });
  });
}

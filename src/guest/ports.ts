import { createServer } from 'node:net';
import { errorCode } from '../core/fault.ts';

/** The one address where anything of a guest can be reached. */
export const loopback = '127.0.0.1';

/** Whether nobody listens on the port of 127.0.0.1, and this user may. 0: any free one. Gives the port's number. */
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

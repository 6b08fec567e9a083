import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Failure } from '../core/failure.ts';
import { place } from '../core/place.ts';
import type { Result } from '../core/result.ts';
import { Slots } from './slots.ts';
import type { UnpackRequest } from './unpack.ts';

const slots = new Slots(availableParallelism());

/**
 * `unpack` in a thread of its own, at most as many at once as there are cores: linux alone takes 12 seconds to
 * decompress, during which the engine has to start actions and update the screen.
 */
export function unpackInThread(request: UnpackRequest): Promise<Result<string, Failure>> {
  return slots.run(
    () =>
      new Promise((resolve, reject) => {
        const module = path.join(place().compiled, 'unpack-worker.js');
        const worker = new Worker(module, { workerData: request });
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', (code) => {
          reject(
            new Error(`the unpacking thread of ${request.name} ended with ${String(code)} and no answer`),
          );
        });
      }),
  );
}

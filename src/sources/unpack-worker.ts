import { parentPort, workerData } from 'node:worker_threads';
import { unpack, type UnpackRequest } from './unpack.ts';

// Started only by unpack-thread.ts, which passes a request and waits for one message.
parentPort?.postMessage(await unpack(workerData as UnpackRequest));

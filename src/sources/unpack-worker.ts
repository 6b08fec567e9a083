import { parentPort, workerData } from 'node:worker_threads';
import { unpack, type UnpackRequest } from './unpack.ts';

// Started by unpack-thread.ts alone, which gives a request and awaits one message.
parentPort?.postMessage(await unpack(workerData as UnpackRequest));

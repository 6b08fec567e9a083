// First module of an unpacking thread: plain JavaScript, because a thread does not inherit the loader of TypeScript.
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register({ tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) });
await import('./unpack-worker.ts');

// First module of the program: plain JavaScript, so that `node` alone can start it. tsx is asked through its
// API, with a tsconfig by path, because on its own it would take one of the directory where the user stands.
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register({ tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) });
const { main } = await import('./main.ts');
await main(process.argv.slice(2));

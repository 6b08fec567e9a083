// First module of the program: plain JavaScript, so that `node` alone can start it. tsx is asked through its
// API, with a tsconfig by path, because on its own it would take one of the directory where the user stands.
import { fileURLToPath } from 'node:url';
import { register as registerCommonJs } from 'tsx/cjs/api';
import { register } from 'tsx/esm/api';

register({ tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) });
// A descriptor elsewhere (--arch-dir) lies beside no package.json that says what kind of module it is.
registerCommonJs();
const { main } = await import('./main.ts');
await main(process.argv.slice(2));

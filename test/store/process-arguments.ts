import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const script = fileURLToPath(new URL('store-process.ts', import.meta.url));

/** Arguments of node that run a task of `store-process.ts`. */
export function processArguments(...rest: string[]): string[] {
  return ['--import', tsx, script, ...rest];
}

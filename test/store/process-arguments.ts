import path from 'node:path';
import { scriptArguments } from '../script.ts';

const script = path.join(import.meta.dirname, 'store-process.ts');

/** Arguments of node that run a task of `store-process.ts`. */
export function processArguments(...rest: string[]): string[] {
  return scriptArguments(script, ...rest);
}

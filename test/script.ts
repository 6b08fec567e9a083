import path from 'node:path';

const runner = path.resolve(import.meta.dirname, '../src/start/run.mjs');

/** Arguments of node that run a script in TypeScript, in a process of its own. */
export function scriptArguments(script: string, ...rest: readonly string[]): string[] {
  return [runner, script, ...rest];
}

import { execFile } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { removeForcibly } from '../../src/store/remove.ts';
import { scriptArguments } from '../script.ts';
import { scratchParent } from '../setup/scratch-parent.ts';

const child = fileURLToPath(new URL('sandbox-child.ts', import.meta.url));

export const isRoot = process.getuid?.() === 0;
/** Whom tests that root runs are where they want to be an ordinary user. */
export const nobody = 65534;

type CommandLine = readonly [program: string, words: readonly string[]];

/** The command that runs an action in a process of its own: `sandbox-child.ts`. */
export function command(store: string, text: string, ...more: string[]): [string, string[]] {
  return [process.execPath, scriptArguments(child, store, text, ...more)];
}

/** The same command for an ordinary user. */
export function asOrdinaryUser([program, words]: CommandLine): [string, string[]] {
  if (!isRoot) return [program, [...words]];
  const user = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups'];
  return ['setpriv', [...user, '--', program, ...words]];
}

/** A directory that other users may enter, which they may not with a test's usual one. Whoever makes it removes it. */
export async function makeOpenDirectory(): Promise<string> {
  const path = await mkdtemp(join(scratchParent(), 'bootstrap-test-'));
  await chmod(path, 0o755);
  return path;
}

/** The same for the running test. */
export async function openDirectory(): Promise<string> {
  const path = await makeOpenDirectory();
  onTestFinished(() => removeForcibly(path));
  return path;
}

/** Runs a program to its end, and gives its lines. A failing program fails the test. */
export async function linesOf(
  [program, words]: CommandLine,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string[]> {
  const { stdout } = await promisify(execFile)(program, words, { env });
  return stdout.trimEnd().split('\n');
}

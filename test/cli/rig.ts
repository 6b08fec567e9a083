import { cpSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { runCommandLine } from '../../src/cli/main.ts';
import type { Session } from '../../src/cli/session.ts';
import { removeForcibly } from '../../src/store/remove.ts';

export const repository = path.resolve(import.meta.dirname, '../..');

/** A directory of its own for the running test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'cli-test-'));
  onTestFinished(() => removeForcibly(directory));
  return directory;
}

/** A copy of what the program reads of the repository, in which a test may spoil files. */
export function repositoryCopy(): string {
  const copy = path.join(temporaryDirectory(), 'repository');
  mkdirSync(copy);
  for (const name of ['arches', 'patches', 'target', 'sources.lock', 'package.json']) {
    cpSync(path.join(repository, name), path.join(copy, name), { recursive: true });
  }
  // The copied modules import their types from it.
  symlinkSync(path.join(repository, 'src'), path.join(copy, 'src'));
  return copy;
}

/** A session whose output is kept, and whose home is a directory of the test's own. */
export interface TestSession extends Session {
  readonly home: string;
  readonly said: { out: string; err: string };
}

export function testSession(
  options: { repository?: string; env?: Record<string, string> } = {},
): TestSession {
  const home = temporaryDirectory();
  const said = { out: '', err: '' };
  return {
    home,
    said,
    repository: options.repository ?? repository,
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, ...options.env },
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
    errIsTerminal: false,
  };
}

/** Runs a command line in this process. */
export async function run(
  session: TestSession,
  ...argv: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  session.said.out = '';
  session.said.err = '';
  const code = await runCommandLine(session, argv);
  return { code, ...session.said };
}

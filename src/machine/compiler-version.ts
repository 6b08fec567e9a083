import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '../core/host-programs.ts';

/** The first line of the build machine's `gcc --version`; `unknown` if there is none. */
export async function compilerVersion(): Promise<string> {
  const gcc = await findProgram('gcc');
  if (gcc === undefined) return 'unknown';
  try {
    const { stdout } = await promisify(execFile)(gcc, ['--version'], {
      env: { LC_ALL: 'C' },
      timeout: 10_000,
    });
    return stdout.split('\n', 1)[0]?.trim() ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

import { $ } from 'zx';
import { machinePath } from '../core/host-programs.ts';

/** Output of a program. */
export interface ProgramResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the machine with exactly this environment; the exit code is null if it cannot be started. */
export type RunProgram = (
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
) => Promise<ProgramResult>;

/** The search path and the proxy variables: what programs that fetch need of the environment. */
export function fetchingEnvironment(): Readonly<Record<string, string>> {
  const passed = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { PATH: machinePath.join(':'), LC_ALL: 'C', ...Object.fromEntries(passed) };
}

/** Runs programs, each for at most this time. They end with this process. */
export function programRunner(timeout: '20m' | '360m'): RunProgram {
  return async (argv, cwd, env) => {
    const shell = $({ cwd, env: { ...env }, quiet: true, nothrow: true, timeout, stdio: 'pipe' });
    // With `exec`, our process is the parent whose death, however it happens, ends the program.
    const output =
      await shell`exec $(command -v setpriv >/dev/null && echo setpriv --pdeathsig KILL) ${argv}`;
    // 127 is the shell's exit code for a missing program; null: killed by a signal after the timeout.
    return {
      exitCode: output.exitCode === 127 ? null : (output.exitCode ?? 124),
      stdout: output.stdout,
      stderr: output.stderr,
    };
  };
}

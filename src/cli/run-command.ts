import { spawn } from 'node:child_process';
import { constants as system } from 'node:os';
import { openArches } from '../repository/load-arches.ts';
import { findBuiltImage } from './built-image.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, type Session } from './session.ts';

/**
 * `bootstrap run ARCH`: boots the image in the output directory with its own `run-emulator.sh`. The variables that the
 * script reads (`QEMU_MEMORY`, `QEMU_EXTRA`, `KERNEL_EXTRA`) come from the user's environment.
 */
export async function runCommand(
  session: Session,
  name: string,
  extra: readonly string[],
  out: string | undefined,
): Promise<ExitCode> {
  const found = await (await openArches(session.repository, session.archDirectories)).find(name, 'arch');
  if (!found.ok) return explain(session, found.failure);
  const image = await findBuiltImage(session, found.value, out);
  if (!image.ok) return explain(session, image.failure);
  const script = image.value;
  // The script splits QEMU_EXTRA at spaces and has no way to quote.
  const split = extra.find((argument) => /\s/.test(argument) || argument === '');
  if (split !== undefined) {
    return explain(session, {
      reason: 'wrong-use',
      what: `the emulator's argument '${split}' is empty or contains white space, so it cannot be passed on`,
      hint: `Start ${script} by hand, or use file names without spaces.`,
    });
  }
  const words = [session.env['QEMU_EXTRA'], ...extra].filter((word) => word !== undefined && word !== '');
  return start(session, script, { ...session.env, QEMU_EXTRA: words.join(' ') });
}

/** Ctrl-C belongs to the guest, so it does not end this process. */
function start(
  session: Session,
  script: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ExitCode> {
  const leave = (): void => undefined;
  process.on('SIGINT', leave);
  return new Promise((resolve) => {
    const child = spawn(script, [], { stdio: 'inherit', env: { ...env } });
    const end = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on('SIGTERM', end);
    process.on('SIGHUP', end);
    const finish = (code: ExitCode): void => {
      process.off('SIGINT', leave);
      process.off('SIGTERM', end);
      process.off('SIGHUP', end);
      resolve(code);
    };
    child.on('error', (error) => {
      finish(
        explain(session, { reason: 'emulator-failed', detail: `${script}: ${error.message}`, lastLines: [] }),
      );
    });
    child.on('close', (code, signal) => {
      if (code === 0) return finish(0);
      // 2 is the script's exit code for invalid settings, which it has already reported.
      if (code === 2) return finish(2);
      const ended =
        signal === null ? `exit code ${String(code)}` : `signal ${signal} (${system.signals[signal]})`;
      finish(
        explain(session, {
          reason: 'emulator-failed',
          detail: `${script} ended with ${ended}`,
          lastLines: [],
        }),
      );
    });
  });
}

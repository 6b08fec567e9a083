import { spawn } from 'node:child_process';
import { copyFile, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What a guest is to do. */
export interface GuestJob {
  /** Directory with `run-emulator.sh`. */
  readonly imageDirectory: string;
  /** The script there that starts the guest. Undefined: `run-emulator.sh`. */
  readonly starter?: string;
  /**
   * Shell text run in the guest as root, in the directory that holds `files`. Undefined: nothing is handed over, the
   * guest's console gets its shell, and `typed` is what is typed there.
   */
  readonly script?: string;
  /** Files for the guest: name beside the script to file of this machine. Executable bits are kept. */
  readonly files?: Readonly<Record<string, string>>;
  /** Typed on the console once its shell is there. */
  readonly typed?: string;
  /** Variables for run-emulator.sh (`QEMU_MEMORY`, `KERNEL_EXTRA` …), over PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  /** Undefined: 180. */
  readonly timeLimitSeconds?: number;
}

/** What a guest did. */
export interface GuestRun {
  /** Exit status of the script; undefined when it did not end, or there was none. */
  readonly status?: number;
  /** Exactly what the script wrote, both streams. */
  readonly output: string;
  /** Everything on the console, with line ends as Unix has them. */
  readonly console: string;
  /** Exit code of run-emulator.sh; undefined when it had to be killed. */
  readonly emulatorExitCode?: number;
  readonly timedOut: boolean;
  readonly seconds: number;
}

const shellIsReady = 'leave the shell to end the emulator';
/** What the guest is handed over to. It leaves its results in the share, where neither a console nor the kernel writes. */
const handoff = `#!/bin/sh
cd "\${0%/*}" || exit
sh ./script >output 2>&1 </dev/null
status=$?
echo $status >status
exit $status
`;

/**
 * Boots an image, lets it run something and waits until the emulator has ended. Never throws for what the guest
 * does: look at `status`, or use `expectGuest`.
 */
export async function bootGuest(job: GuestJob): Promise<GuestRun> {
  const share = await mkdtemp(join(tmpdir(), 'guest-'));
  const started = Date.now();
  try {
    const handedOver: Record<string, string> = {};
    if (job.script !== undefined) {
      for (const [name, file] of Object.entries(job.files ?? {})) {
        await mkdir(dirname(join(share, name)), { recursive: true });
        await copyFile(file, join(share, name));
      }
      await writeFile(join(share, 'script'), job.script);
      await writeFile(join(share, 'handoff'), handoff);
      await chmod(join(share, 'handoff'), 0o755);
      handedOver['GUEST_SHARE'] = share;
      handedOver['KERNEL_EXTRA'] = `HANDOFF=/share/handoff ${job.env?.['KERNEL_EXTRA'] ?? ''}`.trim();
    }
    const emulator = await runEmulator(job, handedOver);
    const status = Number((await readShared(share, 'status')) || NaN);
    return {
      ...(Number.isInteger(status) ? { status } : {}),
      output: await readShared(share, 'output'),
      ...emulator,
      seconds: (Date.now() - started) / 1000,
    };
  } finally {
    await rm(share, { recursive: true, force: true });
  }
}

/** Boots and insists: throws an error that shows the ends of output and console when the script does not exit with 0. */
export async function expectGuest(job: GuestJob & { readonly script: string }): Promise<GuestRun> {
  const run = await bootGuest(job);
  if (run.status === 0 && run.emulatorExitCode === 0) return run;
  const outcome = run.timedOut
    ? `did not end within ${job.timeLimitSeconds ?? 180} seconds`
    : `ended with status ${run.status ?? 'none'}, the emulator with ${run.emulatorExitCode ?? 'none'}`;
  throw new Error(
    `the guest ${outcome}\n--- output\n${lastLines(run.output)}\n--- console\n${lastLines(run.console)}`,
  );
}

function lastLines(text: string): string {
  return text.split('\n').slice(-40).join('\n');
}

async function readShared(share: string, name: string): Promise<string> {
  try {
    return await readFile(join(share, name), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

async function runEmulator(
  job: GuestJob,
  extra: Readonly<Record<string, string>>,
): Promise<Pick<GuestRun, 'console' | 'emulatorExitCode' | 'timedOut'>> {
  const child = spawn(join(job.imageDirectory, job.starter ?? 'run-emulator.sh'), [], {
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: tmpdir(), ...job.env, ...extra },
    stdio: 'pipe',
  });
  let console = '';
  let typed = job.typed;
  const listen = (chunk: string): void => {
    console += chunk;
    if (typed !== undefined && console.includes(shellIsReady)) {
      child.stdin.write(typed);
      typed = undefined;
    }
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', listen);
  // Writing to an emulator that is just ending is no fault.
  child.stdin.on('error', () => undefined);
  let timedOut = false;
  // The scripts become the emulator by exec: their process id is the emulator's.
  const alarm = setTimeout(
    () => {
      timedOut = true;
      child.kill('SIGKILL');
    },
    (job.timeLimitSeconds ?? 180) * 1000,
  );
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(alarm);
  return {
    console: console.replaceAll('\r', ''),
    ...(exitCode === null ? {} : { emulatorExitCode: exitCode }),
    timedOut,
  };
}

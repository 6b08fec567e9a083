import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { inStore, jobs, nonEmpty, outHelp, wholeNumber } from './options.ts';
import type { Session } from './session.ts';

interface StartFlags {
  readonly name?: string;
  readonly share?: string;
  readonly home?: string;
  readonly memory?: number;
  readonly port?: number;
  readonly timeLimit: number;
  readonly out?: string;
  readonly store?: string;
}

interface ExecFlags {
  readonly cwd?: string;
  readonly tty?: boolean;
  readonly store?: string;
}

interface TestFlags {
  readonly json?: boolean;
  readonly jobs?: number;
  readonly out?: string;
  readonly image?: string;
  readonly timeLimit: number;
  readonly console?: string;
  readonly store?: string;
}

/** The commands for guests in the background. */
export function guestCommands(
  command: (name: string, summary: string) => Command,
  session: Session,
  done: (code: number) => void,
): void {
  const start = command(
    'start',
    'boot the image of ARCH in the background, to run commands in it with `exec`',
  );
  inStore(start)
    .argument('<ARCH>')
    .option('--name <NAME>', 'name of this guest (default: the name of its arch)', nonEmpty)
    .option('--share <DIR>', 'directory to mount on /share in the guest', nonEmpty)
    .option(
      '--root <FILE>',
      'system, squashfs or ext2, whose programs are run in place of those of the image',
      nonEmpty,
    )
    .option('--home <FILE>', 'scratch disk for /home; created if it does not exist', nonEmpty)
    .option('--memory <MIB>', 'memory size of the guest', wholeNumber(1, 1_048_576))
    .option(
      '--port <PORT>',
      'port on 127.0.0.1 through which to reach it (default: a free one)',
      wholeNumber(1, 65_535),
    )
    .option('--time-limit <SECONDS>', 'time limit for booting', wholeNumber(1, 86_400), 300)
    .option('--out <DIR>', outHelp, nonEmpty)
    .action(async (arch: string, { timeLimit, ...options }: StartFlags) => {
      const { startCommand } = await import('./start-command.ts');
      done(await startCommand(session, { arch, timeLimitSeconds: timeLimit, ...options }));
    });

  const exec = command('exec', 'run a command in a running guest; its exit code becomes that of `exec`');
  inStore(exec)
    .argument('<GUEST>', 'name of the guest: the name of its arch unless `start --name` set another')
    .argument('[COMMAND...]', 'after `--`: program and arguments (default: a login shell)')
    .option(
      '--cwd <DIR>',
      'directory in the guest (default: /home if a disk is mounted there, otherwise /root)',
      nonEmpty,
    )
    .option('-t, --tty', 'give the command a terminal (default: if input and output are terminals)')
    .option('--no-tty', 'do not give it a terminal')
    .action(async (guest: string, argv: readonly string[], options: ExecFlags) => {
      const { execCommand } = await import('./exec-command.ts');
      done(await execCommand(session, { guest, argv, ...options }));
    });

  const stop = command('stop', 'shut down guests');
  inStore(stop)
    .argument('[GUEST...]')
    .option('--all', 'stop all guests')
    .action(async (names: readonly string[], options: { all?: boolean; store?: string }) => {
      const { stopCommand } = await import('./stop-command.ts');
      done(await stopCommand(session, names, { ...options, all: options.all ?? false }));
    });

  const ps = command('ps', 'list the guests in the background');
  inStore(ps)
    .option('--json', 'print JSON')
    .action(async (options: { json?: boolean; store?: string }) => {
      const { psCommand } = await import('./ps-command.ts');
      done(await psCommand(session, { ...options, json: options.json ?? false }));
    });
}

/** `bootstrap test`. */
export function testCommands(
  command: (name: string, summary: string) => Command,
  session: Session,
  done: (code: number) => void,
): void {
  const test = command('test', 'boot the images of arches unattended and report what works in them');
  inStore(test)
    .argument('<ARCH...>')
    .option('--json', 'print JSON')
    .option('-j, --jobs <N>', 'number of concurrent guests (default: number of cores)', jobs)
    .option('--out <DIR>', outHelp, nonEmpty)
    .option('--image <DIR>', 'directory of the image, instead of the one in the product directory', nonEmpty)
    .option('--time-limit <SECONDS>', 'how long a guest may be silent', wholeNumber(1, 86_400), 1800)
    .option('--console <DIR>', 'keep the console output of the guests in files in this directory', nonEmpty)
    .addHelpText('after', testHelp)
    .action(
      async (arches: readonly string[], { timeLimit, console, jobs: atOnce, ...options }: TestFlags) => {
        const { testCommand } = await import('./test-command.ts');
        done(
          await testCommand(session, {
            ...options,
            arches,
            json: options.json ?? false,
            jobs: atOnce ?? availableParallelism(),
            silenceSeconds: timeLimit,
            ...(console === undefined ? {} : { consoles: console }),
          }),
        );
      },
    );
}

const testHelp = `
Verdicts: passed; failed; not reached (the guest ended or hung before); cannot (not supported by the board, as its
descriptor says); absent (not in this image, or not on this machine). The exit code is 0 if nothing failed and
everything was reached.
`;

import path from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import type { Failure } from '../core/failure.ts';
import { guestCommands, testCommands } from './guest-commands.ts';
import { nearest, unknownName } from '../core/nearest.ts';
import {
  archDirHelp,
  nonEmpty,
  outHelp,
  repeated,
  sourceRequest,
  sourcing,
  storeHelp,
  wholeNumber,
  type SourceOptions,
} from './options.ts';
import {
  building,
  hosting,
  buildRequest,
  planning,
  selectors,
  toolchainOption,
  wordsRequest,
  type BuildOptions,
  type PlanOptions,
} from './plan-options.ts';
import { portingCommands } from './porting-commands.ts';
import type { AskedVersions } from '../inputs/versions.ts';
import { explain, type Session } from './session.ts';
import { storeCommands } from './store-commands.ts';
import { packageCommands } from './package-commands.ts';
import { systemCommands } from './system-commands.ts';
import { versioning, type OfferedVersions } from './version-options.ts';

interface NativeBuildFlags {
  readonly upload?: string;
  readonly timeLimit?: number;
  readonly distcc: boolean;
}

/**
 * The command line. Each command imports its own part of the program when it is called, so that `--version` and
 * `plan` do not wait for what only a build needs.
 *
 * @param done receives the exit code of the command that ran
 */
export function createProgram(
  given: Session,
  { version, offered }: { readonly version: string; readonly offered: OfferedVersions },
  done: (code: number) => void,
): Command {
  const output = {
    writeOut: given.out,
    writeErr: given.err,
    outputError: (text: string, write: (text: string) => void) =>
      write(text.replace(/^error: /, 'bootstrap: ').replaceAll(/\n(?=.)/g, '\n  ')),
  };
  const program = new Command('bootstrap')
    .description(
      'Build a cross compiler, native compiler, kernel, root filesystem and bootable image from released source tarballs.',
    )
    .usage('ARCH [options]\n       bootstrap COMMAND …')
    .version(version)
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .configureOutput(output)
    .exitOverride()
    .showSuggestionAfterError();

  // Each command but those below `store` and `share` takes the option; what it names is in force before any of them starts.
  const archDirectories: string[] = [];
  const session: Session & { versions?: AskedVersions } = { ...given, archDirectories };
  const asked = new Map<Command, () => AskedVersions>();
  program.hook('preAction', async (_, started) => {
    session.versions = asked.get(started)?.() ?? {};
    const named = (started.opts() as { archDir?: readonly string[] }).archDir ?? [];
    if (named.length === 0) return;
    const { archDirectoriesFault } = await import('../repository/load-arches.ts');
    archDirectories.push(...new Set(named.map((directory) => path.resolve(session.cwd, directory))));
    const fault = await archDirectoriesFault(session.repository, archDirectories);
    if (fault !== undefined) throw new CommanderError(explain(session, fault), 'arch-dir', '');
  });

  const command = (name: string, summary: string, options?: { isDefault?: boolean }): Command =>
    program
      .command(name, options ?? {})
      .summary(summary)
      .description(summary)
      .showHelpAfterError(`  \`bootstrap ${name} --help\` shows its usage.`)
      .option('--arch-dir <DIR>', archDirHelp, repeated)
      .configureOutput(output)
      .exitOverride();

  const everything = command('build', 'build everything for ARCH (the word `build` can be omitted)', {
    isDefault: true,
  });
  everything.argument('<ARCH>').allowExcessArguments();
  selectors(everything);
  // There only to be told that it belongs to `image`.
  building(everything.addOption(toolchainOption().hideHelp())).action(
    async (arch: string, options: BuildOptions) => {
      const [, excess] = everything.args;
      if (excess !== undefined) return done(explain(session, tooManyWords(program, arch, excess)));
      if (program.args[0] !== 'build') {
        const { checkFirstWord } = await import('./first-word.ts');
        const mistaken = await checkFirstWord(
          session.repository,
          arch,
          commandNames(program),
          session.archDirectories,
        );
        if (mistaken !== undefined) return done(explain(session, mistaken));
      }
      const { buildCommand } = await import('./build-command.ts');
      const goal = { kind: 'everything', withNative: true } as const;
      done(await buildCommand(session, buildRequest(session, arch, goal, options)));
    },
  );

  const image = command(
    'image',
    'build the kernel, root filesystem and bootable image, with no compiler except stage 1',
  );
  image
    .argument('<ARCH>')
    .option('--with-native', 'include the native compiler in the image')
    .addOption(toolchainOption());
  building(hosting(image)).action(async (arch: string, options: BuildOptions) => {
    const { buildCommand } = await import('./build-command.ts');
    const goal = { kind: 'image', withNative: options.withNative ?? false } as const;
    done(await buildCommand(session, buildRequest(session, arch, goal, options)));
  });

  const plan = command('plan', 'print what would be done; touches neither network nor store');
  planning(plan)
    .addOption(new Option('--json', 'print the whole plan as JSON').conflicts('dot'))
    .addOption(new Option('--dot', 'print the graph for Graphviz'))
    .action(async (words: readonly string[], options: PlanOptions & { json?: boolean; dot?: boolean }) => {
      const request = wordsRequest(session, words, options);
      if (!request.ok) return done(explain(session, request.failure));
      const { planCommand } = await import('./plan-command.ts');
      const form = options.json ? 'json' : options.dot ? 'dot' : 'text';
      done(await planCommand(session, request.value, form));
    });

  const list = command(
    'list',
    'list the known arches, stages, sources and sets of their versions (default: all four)',
  );
  list
    .argument('[WHAT]', 'arches, stages, sources or versions')
    .option('--json', 'print JSON')
    .action(async (what: string | undefined, options: { json?: boolean }) => {
      const { listCommand } = await import('./list-command.ts');
      done(await listCommand(session, what, options.json ?? false));
    });

  const fetch = command('fetch', 'fetch, verify, unpack and patch sources without building anything');
  fetch.argument('[NAME...]', 'arches (all their sources) or sources (default: everything in sources.lock)');
  sourcing(fetch).action(async (names: readonly string[], options: SourceOptions) => {
    const { fetchCommand } = await import('./fetch-command.ts');
    done(await fetchCommand(session, names, sourceRequest(options)));
  });

  const run = command('run', 'boot the image of ARCH in its emulator');
  run
    .argument('<ARCH>')
    .argument('[QEMU_ARGUMENTS...]', 'after `--`: passed on to the emulator')
    .option('--out <DIR>', outHelp, nonEmpty)
    .addHelpText('after', emulatorSettings)
    .action(async (arch: string, extra: readonly string[], options: { out?: string }) => {
      const { runCommand } = await import('./run-command.ts');
      done(await runCommand(session, arch, extra, options.out));
    });

  guestCommands(command, session, done);
  portingCommands(command, session, done);
  testCommands(command, session, done);

  const nativeBuild = command(
    'native-build',
    'run the init of a control image in a guest of ARCH, and fetch its results',
  );
  building(hosting(nativeBuild))
    .argument('<ARCH>')
    .argument('<DIR>', 'control image: a directory or tar archive with an executable `init`')
    .option(
      '--upload <DIR>',
      'where to put the results (default: native-build/NAME in the product directory)',
      nonEmpty,
    )
    .option('--time-limit <MINUTES>', 'time limit for the guest (default: 720)', wholeNumber(1, 100_000))
    .option('--no-distcc', 'do not use a cross compiler, even if there is one')
    .action(async (arch: string, control: string, options: BuildOptions & NativeBuildFlags) => {
      const { nativeBuildCommand } = await import('./native-build-command.ts');
      const goal = { kind: 'image', withNative: true } as const;
      done(
        await nativeBuildCommand(session, {
          image: buildRequest(session, arch, goal, options),
          control,
          distcc: options.distcc,
          ...(options.upload === undefined ? {} : { upload: options.upload }),
          ...(options.timeLimit === undefined ? {} : { timeLimitMinutes: options.timeLimit }),
        }),
      );
    });

  const doctor = command('doctor', 'report what this machine lacks, with the packages to install');
  doctor.option('--store <DIR>', storeHelp, nonEmpty).action(async (options: { store?: string }) => {
    const { doctorCommand } = await import('./doctor-command.ts');
    done(await doctorCommand(session, options.store));
  });

  const log = command('log', "print the whole log of an action's latest run, and the path of its script");
  log
    .argument('<ACTION>', 'for example host-tools/busybox; `bootstrap plan ARCH` lists them')
    .option('--store <DIR>', storeHelp, nonEmpty)
    .option('--commands', 'print the commands that it ran, if they were recorded, instead of the log')
    .action(async (action: string, options: { store?: string; commands?: boolean }) => {
      const { logCommand } = await import('./log-command.ts');
      done(await logCommand(session, action, options));
    });

  const record = command(
    'record',
    'report which commands of their tools recorded builds ran, and which tools they never ran',
  );
  planning(record)
    .option('--store <DIR>', storeHelp, nonEmpty)
    .option('--json', 'print JSON')
    .action(async (words: readonly string[], options: PlanOptions & { store?: string; json?: boolean }) => {
      const request = wordsRequest(session, words, options);
      if (!request.ok) return done(explain(session, request.failure));
      const { recordCommand } = await import('./record-command.ts');
      done(await recordCommand(session, request.value, { ...options, json: options.json ?? false }));
    });

  const share = command('share', 'convert the directory that a guest has on /share to a tarball and back');
  const shareCommand = (name: string, summary: string): Command =>
    share.command(name).summary(summary).description(summary).configureOutput(output).exitOverride();
  shareCommand('pack', 'pack what the guest sees in DIR, including owners and devices, into TARBALL')
    .argument('<DIR>', 'shared directory')
    .argument('<TARBALL>', '.tar, .tar.gz or .tgz')
    .action(async (directory: string, tarball: string) => {
      const { sharePackCommand } = await import('./share-command.ts');
      done(await sharePackCommand(session, directory, tarball));
    });
  shareCommand('unpack', 'unpack TARBALL into DIR, so that a guest sees its owners and devices')
    .argument('<TARBALL>', 'tar archive; may be compressed with gzip, xz or bzip2')
    .argument('<DIR>', 'directory to share')
    .action(async (tarball: string, directory: string) => {
      const { shareUnpackCommand } = await import('./share-command.ts');
      done(await shareUnpackCommand(session, tarball, directory));
    });

  systemCommands(command, session, done);
  packageCommands(command, session, done);
  storeCommands(command, session, done);

  for (const planning of program.commands.filter((one) => choosing.includes(one.name()))) {
    asked.set(planning, versioning(planning, offered));
  }
  return program.addHelpText('after', examples);
}

/** Commands that plan, or that look for what was built with some versions. */
const choosing: readonly string[] = [
  ...['build', 'image', 'plan', 'list', 'fetch', 'record', 'run', 'start', 'test', 'native-build'],
  ...['check', 'new-arch'],
];

const emulatorSettings = `
Environment variables read by the image's run-emulator.sh:
  QEMU_MEMORY   MiB of memory, up to the board's limit
  QEMU_EXTRA    further arguments for the emulator, split at spaces
  KERNEL_EXTRA  further words for the kernel command line, such as HANDOFF=/some/program
  GUEST_…       disks, folders and ports; see docs/guests.md
`;

const examples = `
Examples:
  bootstrap armv5l --host i686   everything for armv5l, with a cross compiler that runs on i686
  bootstrap image armv5l         only what boots
  bootstrap image armv5l --toolchain arm-linux-gnueabi-
                                 the same in minutes, with Debian's cross compiler
  bootstrap run armv5l           boot it
  bootstrap start armv5l         boot it in the background, for use with \`exec\`, \`ps\` and \`stop\`
  bootstrap exec armv5l -- uname -a
  bootstrap check armv5l         report faults of its descriptor
  bootstrap doctor               report what is missing on this machine

\`bootstrap build --help\` shows the options of the main command.
Exit codes: 0 success, 1 a build failed, 2 incorrect usage or bad input; 129, 130 and 143 after SIGHUP, Ctrl-C and SIGTERM.
`;

function commandNames(program: Command): readonly string[] {
  return program.commands.map((command) => command.name());
}

/** Several words and no command among them: most likely a misspelt command, for which the main one stands in. */
function tooManyWords(program: Command, first: string, excess: string): Failure {
  const commands = commandNames(program);
  if (commands.includes(first)) {
    const hint = `Write \`bootstrap ${first} …\`, with the options after it.`;
    return { reason: 'wrong-use', what: `the command ${first} must be the first word`, hint };
  }
  if (nearest(first, commands).length > 0) return unknownName('command', first, commands);
  const hint = 'The main command takes one arch; `bootstrap --help` lists all commands.';
  return { reason: 'wrong-use', what: `unexpected argument: '${excess}'`, hint };
}

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
  buildRequest,
  planning,
  selectors,
  toolchainOption,
  wordsRequest,
  type BuildOptions,
  type PlanOptions,
} from './plan-options.ts';
import { portingCommands } from './porting-commands.ts';
import { explain, type Session } from './session.ts';
import { storeCommands } from './store-commands.ts';

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
export function createProgram(given: Session, version: string, done: (code: number) => void): Command {
  const output = {
    writeOut: given.out,
    writeErr: given.err,
    outputError: (text: string, write: (text: string) => void) =>
      write(text.replace(/^error: /, 'bootstrap: ').replaceAll(/\n(?=.)/g, '\n  ')),
  };
  const program = new Command('bootstrap')
    .description(
      'From released source tarballs to cross compiler, native compiler, kernel, root filesystem and a bootable image.',
    )
    .usage('ARCH [options]\n       bootstrap COMMAND …')
    .version(version)
    .helpOption('-h, --help', 'say this')
    .helpCommand(false)
    .enablePositionalOptions()
    .configureOutput(output)
    .exitOverride()
    .showSuggestionAfterError();

  // Each command takes the option; what it names is in force before any of them starts.
  const archDirectories: string[] = [];
  const session: Session = { ...given, archDirectories };
  program.hook('preAction', async (_, started) => {
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
      .showHelpAfterError(`  \`bootstrap ${name} --help\` shows how it is used.`)
      .option('--arch-dir <DIR>', archDirHelp, repeated)
      .configureOutput(output)
      .exitOverride();

  const everything = command('build', 'everything for ARCH (the word `build` can be left out)', {
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

  const image = command('image', 'kernel, root filesystem and bootable image, with no compiler but stage 1');
  image
    .argument('<ARCH>')
    .option('--with-native', 'put the native compiler into the image')
    .addOption(toolchainOption());
  building(image).action(async (arch: string, options: BuildOptions) => {
    const { buildCommand } = await import('./build-command.ts');
    const goal = { kind: 'image', withNative: options.withNative ?? false } as const;
    done(await buildCommand(session, buildRequest(session, arch, goal, options)));
  });

  const plan = command('plan', 'print what would be done; touches neither network nor store');
  planning(plan)
    .addOption(new Option('--json', 'the whole plan as JSON').conflicts('dot'))
    .addOption(new Option('--dot', 'the graph for Graphviz'))
    .action(async (words: readonly string[], options: PlanOptions & { json?: boolean; dot?: boolean }) => {
      const request = wordsRequest(session, words, options);
      if (!request.ok) return done(explain(session, request.failure));
      const { planCommand } = await import('./plan-command.ts');
      const form = options.json ? 'json' : options.dot ? 'dot' : 'text';
      done(await planCommand(session, request.value, form));
    });

  const list = command('list', 'print the known arches, stages or sources (all three when none is named)');
  list
    .argument('[WHAT]', 'arches, stages or sources')
    .option('--json', 'as JSON')
    .action(async (what: string | undefined, options: { json?: boolean }) => {
      const { listCommand } = await import('./list-command.ts');
      done(await listCommand(session, what, options.json ?? false));
    });

  const fetch = command('fetch', 'fetch, verify, unpack and patch sources, and build nothing');
  fetch.argument('[NAME...]', 'arches (all their sources) or sources; all of the lock when none is named');
  sourcing(fetch).action(async (names: readonly string[], options: SourceOptions) => {
    const { fetchCommand } = await import('./fetch-command.ts');
    done(await fetchCommand(session, names, sourceRequest(options)));
  });

  const run = command('run', 'boot the image of ARCH in its emulator');
  run
    .argument('<ARCH>')
    .argument('[QEMU_ARGUMENTS...]', 'after `--`: handed on to the emulator')
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
    'have a guest of ARCH run the init of a control image, and bring its results back',
  );
  building(nativeBuild)
    .argument('<ARCH>')
    .argument('<DIR>', 'control image: a directory or tar archive with an executable `init`')
    .option('--upload <DIR>', 'where results go (default: native-build/NAME among the products)', nonEmpty)
    .option('--time-limit <MINUTES>', 'how long the guest may take (default: 720)', wholeNumber(1, 100_000))
    .option('--no-distcc', 'let no cross compiler help, if there is one')
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

  const doctor = command('doctor', 'say what this machine lacks, with the package to install');
  doctor.option('--store <DIR>', storeHelp, nonEmpty).action(async (options: { store?: string }) => {
    const { doctorCommand } = await import('./doctor-command.ts');
    done(await doctorCommand(session, options.store));
  });

  const log = command('log', "print the script's place and the whole log of an action's latest run");
  log
    .argument('<ACTION>', 'for example host-tools/busybox; `bootstrap plan ARCH` lists them')
    .option('--store <DIR>', storeHelp, nonEmpty)
    .option('--commands', 'in the place of the log: every command that it ran, if that was recorded')
    .action(async (action: string, options: { store?: string; commands?: boolean }) => {
      const { logCommand } = await import('./log-command.ts');
      done(await logCommand(session, action, options.store, options.commands));
    });

  const record = command(
    'record',
    'say what recorded builds ran of their tools, and which tools they never ran',
  );
  planning(record)
    .option('--store <DIR>', storeHelp, nonEmpty)
    .option('--json', 'as JSON')
    .action(async (words: readonly string[], options: PlanOptions & { store?: string; json?: boolean }) => {
      const request = wordsRequest(session, words, options);
      if (!request.ok) return done(explain(session, request.failure));
      const { recordCommand } = await import('./record-command.ts');
      done(await recordCommand(session, request.value, { ...options, json: options.json ?? false }));
    });

  const share = command('share', 'carry the directory that a guest has on /share to a tarball and back');
  const shareCommand = (name: string, summary: string): Command =>
    share.command(name).summary(summary).description(summary).configureOutput(output).exitOverride();
  shareCommand('pack', 'write what the guest sees in DIR, owners and devices too, to TARBALL')
    .argument('<DIR>', 'directory that was shared')
    .argument('<TARBALL>', '.tar, .tar.gz or .tgz')
    .action(async (directory: string, tarball: string) => {
      const { sharePackCommand } = await import('./share-command.ts');
      done(await sharePackCommand(session, directory, tarball));
    });
  shareCommand('unpack', 'unpack TARBALL into DIR, for a guest to see with owners and devices')
    .argument('<TARBALL>', 'tar, also compressed with gzip, xz or bzip2')
    .argument('<DIR>', 'directory to share')
    .action(async (tarball: string, directory: string) => {
      const { shareUnpackCommand } = await import('./share-command.ts');
      done(await shareUnpackCommand(session, tarball, directory));
    });

  storeCommands(command, session, done);

  return program.addHelpText('after', examples);
}

const emulatorSettings = `
Environment, as the image's run-emulator.sh reads it:
  QEMU_MEMORY   MiB of memory, up to what the board takes
  QEMU_EXTRA    further arguments for the emulator, split at spaces
  KERNEL_EXTRA  further words for the kernel command line, as HANDOFF=/some/program
  GUEST_…       disks, folders and ports: docs/guests.md
`;

const examples = `
Examples:
  bootstrap armv5l --host i686   everything for armv5l, with a cross compiler that runs on i686
  bootstrap image armv5l         only what boots
  bootstrap image armv5l --toolchain arm-linux-gnueabi-
                                 the same in minutes, by Debian's cross compiler
  bootstrap run armv5l           boot it
  bootstrap start armv5l         boot it in the background; \`exec\`, \`ps\` and \`stop\` are for such guests
  bootstrap exec armv5l -- uname -a
  bootstrap check armv5l         what is wrong with its descriptor, if anything
  bootstrap doctor               what is missing on this machine

\`bootstrap build --help\` shows the options of the main command.
Exit codes: 0 done, 1 a build failed, 2 wrong use or bad input.
`;

function commandNames(program: Command): readonly string[] {
  return program.commands.map((command) => command.name());
}

/** Several words and no command among them: most likely a misspelt command, for which the main one stands in. */
function tooManyWords(program: Command, first: string, excess: string): Failure {
  const commands = commandNames(program);
  if (nearest(first, commands).length > 0) return unknownName('command', first, commands);
  const hint = 'The main command takes one arch; `bootstrap --help` shows all commands.';
  return { reason: 'wrong-use', what: `there is a word too many: '${excess}'`, hint };
}

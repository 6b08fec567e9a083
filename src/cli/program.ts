import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { BuildRequest } from './build-command.ts';
import { guestCommands, testCommands } from './guest-commands.ts';
import { nearest, unknownName } from './nearest.ts';
import {
  archDirHelp,
  jobs,
  nonEmpty,
  outHelp,
  repeated,
  sourceRequest,
  sourcing,
  storeHelp,
  type SourceOptions,
  wholeNumber,
} from './options.ts';
import { portingCommands } from './porting-commands.ts';
import { imageKinds, type ImageKind } from '../inputs/emulator.ts';
import type { PlanRequest } from './select-plan.ts';
import { explain, type Session } from './session.ts';

interface SelectorOptions {
  readonly host?: string;
  readonly until?: string;
  readonly only?: string;
  readonly onlyAction?: string;
  readonly withNative?: boolean;
}

interface RootOptions {
  readonly image?: ImageKind;
  readonly overlay?: string;
  readonly toolchain?: string;
  readonly kernelConfig?: string;
}

/** Options of commands that look at a plan. A bare `--image` is `image` before the arch. */
interface PlanOptions extends SelectorOptions, Omit<RootOptions, 'image'> {
  readonly image?: ImageKind | true;
}

interface NativeBuildFlags {
  readonly upload?: string;
  readonly timeLimit?: number;
  readonly distcc: boolean;
}

interface BuildOptions extends SelectorOptions, RootOptions, SourceOptions {
  readonly record?: boolean;
  readonly again?: boolean;
  readonly jobs?: number;
  readonly out?: string;
  readonly events?: string;
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
    const { archDirectoriesFault } = await import('./load-arches.ts');
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

/** What `bootstrap WORDS OPTIONS` would build, for commands that look at that. */
function planning(command: Command): Command {
  command
    .argument('<ARCH...>', '`image ARCH` means the plan of `bootstrap image ARCH`')
    .usage('[image] ARCH [options]');
  return selectors(command)
    .option('--with-native', 'with `image`: put the native compiler into the image')
    .addOption(toolchainOption('with `image`: '))
    .addOption(overlayOption())
    .addOption(kernelConfigOption())
    .addOption(imageOption('--image [KIND]', '; without KIND: as the word `image`').argParser(imageKind));
}

/** For commands that look at a plan: the words before their options. */
function wordsRequest(
  session: Session,
  words: readonly string[],
  { image, ...options }: PlanOptions,
): Result<PlanRequest, Failure> {
  const ofImage = image === true || (words.length > 1 && words[0] === 'image');
  const [arch = '', excess] = words.length > 1 && words[0] === 'image' ? words.slice(1) : words;
  if (excess !== undefined) {
    const hint = 'Name one arch, with the word `image` before it for the plan of `bootstrap image`.';
    return failed({ reason: 'wrong-use', what: `there is a word too many: '${excess}'`, hint });
  }
  const goal = ofImage
    ? ({ kind: 'image', withNative: options.withNative ?? false } as const)
    : ({ kind: 'everything', withNative: true } as const);
  return ok(
    planRequest(session, arch, goal, image === true || image === undefined ? options : { ...options, image }),
  );
}

function imageOption(flags: string, more = ''): Option {
  const kinds = imageKinds.join(', ');
  return new Option(
    flags,
    `how the root filesystem reaches the guest: ${kinds} (default: ${imageKinds[0]})${more}`,
  );
}

function imageKind(text: string): ImageKind {
  const kind = imageKinds.find((known) => known === text);
  if (kind === undefined) {
    throw new InvalidArgumentError(`It must be one of ${imageKinds.join(', ')}, and ARCH comes before it.`);
  }
  return kind;
}

function overlayOption(): Option {
  return new Option('--overlay <DIR>', 'lay the files of this directory over the root filesystem').argParser(
    nonEmpty,
  );
}

function toolchainOption(where = ''): Option {
  return new Option(
    '--toolchain <PREFIX>',
    `${where}compile with a cross compiler from elsewhere in the place of stage 1; PREFIX is what precedes gcc, as in arm-linux-gnueabi-`,
  ).argParser(nonEmpty);
}

function kernelConfigOption(): Option {
  return new Option(
    '--kernel-config <FILE>',
    'further kernel symbols, in lines like CONFIG_X=y and # CONFIG_X is not set',
  ).argParser(nonEmpty);
}

function selectors(command: Command): Command {
  return command
    .option(
      '--host <H>',
      "arch that the cross compiler runs on (default: this machine's processor)",
      nonEmpty,
    )
    .addOption(
      new Option(
        '--until <STAGE>',
        'only the stages up to this one; `bootstrap list stages` names them',
      ).conflicts(['only', 'onlyAction']),
    )
    .addOption(new Option('--only <STAGE>', 'only this stage, with what it needs').conflicts('onlyAction'))
    .option(
      '--only-action <ACTION>',
      'only this action, with what it needs; no product is written',
      nonEmpty,
    );
}

function building(command: Command): Command {
  return sourcing(
    command
      .option('-j, --jobs <N>', 'compile with this many processes in all (default: number of cores)', jobs)
      .option('--out <DIR>', outHelp, nonEmpty)
      .addOption(imageOption('--image <KIND>').choices(imageKinds))
      .addOption(overlayOption())
      .addOption(kernelConfigOption())
      .option(
        '--record',
        'write down every command that an action runs (`record` and `log --commands` print it)',
      )
      .option('--again', 'with --record: run again what is built and has no record yet')
      .option('--events <FILE>', 'write what happens as lines of JSON too', nonEmpty),
  );
}

function planRequest(
  session: Session,
  arch: string,
  goal: PlanRequest['goal'],
  options: SelectorOptions & RootOptions,
): PlanRequest {
  return {
    arch,
    ...(session.archDirectories === undefined ? {} : { archDirectories: session.archDirectories }),
    goal: options.image === undefined ? goal : { ...goal, image: options.image },
    ...(options.overlay === undefined ? {} : { overlay: path.resolve(session.cwd, options.overlay) }),
    ...(options.kernelConfig === undefined
      ? {}
      : { kernelConfig: path.resolve(session.cwd, options.kernelConfig) }),
    ...(options.toolchain === undefined
      ? {}
      : {
          toolchain: {
            prefix: options.toolchain,
            cwd: session.cwd,
            searchPath: session.env['PATH'] ?? '',
          },
        }),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.until === undefined ? {} : { until: options.until }),
    ...(options.only === undefined ? {} : { only: options.only }),
    ...(options.onlyAction === undefined ? {} : { onlyAction: options.onlyAction }),
  };
}

function buildRequest(
  session: Session,
  arch: string,
  goal: PlanRequest['goal'],
  options: BuildOptions,
): BuildRequest {
  return {
    plan: planRequest(session, arch, goal, options),
    sources: sourceRequest(options),
    jobs: options.jobs ?? availableParallelism(),
    ...(options.record === true || options.again === true
      ? { record: { again: options.again ?? false } }
      : {}),
    ...(options.out === undefined ? {} : { out: options.out }),
    ...(options.events === undefined ? {} : { events: options.events }),
  };
}

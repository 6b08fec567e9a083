import { Command, InvalidArgumentError, Option } from 'commander';
import { availableParallelism } from 'node:os';
import type { Failure } from '../core/failure.ts';
import type { BuildRequest } from './build-command.ts';
import { nearest, unknownName } from './nearest.ts';
import type { PlanRequest } from './select-plan.ts';
import { explain, type ExitCode, type Session } from './session.ts';

interface SelectorOptions {
  readonly host?: string;
  readonly until?: string;
  readonly only?: string;
  readonly onlyAction?: string;
  readonly withNative?: boolean;
}

interface SourceOptions {
  readonly store?: string;
  readonly mirror?: string;
  readonly offline?: boolean;
  readonly acceptVariant?: readonly string[];
}

interface BuildOptions extends SelectorOptions, SourceOptions {
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
export function createProgram(session: Session, version: string, done: (code: ExitCode) => void): Command {
  const output = {
    writeOut: session.out,
    writeErr: session.err,
    outputError: (text: string, write: (text: string) => void) =>
      write(text.replace(/^error: /, 'bootstrap: ')),
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

  const command = (name: string, summary: string, options?: { isDefault?: boolean }): Command =>
    program
      .command(name, options ?? {})
      .summary(summary)
      .description(summary)
      .configureOutput(output)
      .exitOverride();

  const everything = command('build', 'everything for ARCH (the word `build` can be left out)', {
    isDefault: true,
  });
  everything.argument('<ARCH>').allowExcessArguments();
  selectors(everything);
  building(everything).action(async (arch: string, options: BuildOptions) => {
    const [, excess] = everything.args;
    if (excess !== undefined) return done(explain(session, tooManyWords(program, arch, excess)));
    const { buildCommand } = await import('./build-command.ts');
    done(await buildCommand(session, buildRequest(arch, { kind: 'everything', withNative: true }, options)));
  });

  const image = command('image', 'kernel, root filesystem and bootable image, with no compiler but stage 1');
  image.argument('<ARCH>').option('--with-native', 'put the native compiler into the image');
  building(image).action(async (arch: string, options: BuildOptions) => {
    const { buildCommand } = await import('./build-command.ts');
    const goal = { kind: 'image', withNative: options.withNative ?? false } as const;
    done(await buildCommand(session, buildRequest(arch, goal, options)));
  });

  const plan = command('plan', 'print what would be done; touches neither network nor store');
  plan.argument('<ARCH>');
  selectors(plan);
  plan
    .option('--image', 'the plan of `bootstrap image`')
    .option('--with-native', 'with --image: put the native compiler into the image')
    .addOption(new Option('--json', 'the whole plan as JSON').conflicts('dot'))
    .addOption(new Option('--dot', 'the graph for Graphviz'))
    .action(
      async (arch: string, options: SelectorOptions & { image?: boolean; json?: boolean; dot?: boolean }) => {
        const { planCommand } = await import('./plan-command.ts');
        const goal = options.image
          ? ({ kind: 'image', withNative: options.withNative ?? false } as const)
          : ({ kind: 'everything', withNative: true } as const);
        const form = options.json ? 'json' : options.dot ? 'dot' : 'text';
        done(await planCommand(session, planRequest(arch, goal, options), form));
      },
    );

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
    .option('--out <DIR>', 'directory of products', nonEmpty)
    .action(async (arch: string, extra: readonly string[], options: { out?: string }) => {
      const { runCommand } = await import('./run-command.ts');
      done(await runCommand(session, arch, extra, options.out));
    });

  const doctor = command('doctor', 'say what this machine lacks, with the package to install');
  doctor.option('--store <DIR>', 'store directory', nonEmpty).action(async (options: { store?: string }) => {
    const { doctorCommand } = await import('./doctor-command.ts');
    done(await doctorCommand(session, options.store));
  });

  const log = command('log', "print the script's place and the whole log of an action's latest run");
  log
    .argument('<ACTION>', 'for example host-tools/busybox; `bootstrap plan ARCH` lists them')
    .option('--store <DIR>', 'store directory', nonEmpty)
    .action(async (action: string, options: { store?: string }) => {
      const { logCommand } = await import('./log-command.ts');
      done(await logCommand(session, action, options.store));
    });

  return program.addHelpText('after', examples);
}

const examples = `
Examples:
  bootstrap armv5l --host i686   everything for armv5l, with a cross compiler that runs on i686
  bootstrap image armv5l         only what boots
  bootstrap run armv5l           boot it
  bootstrap doctor               what is missing on this machine

\`bootstrap build --help\` shows the options of the main command.
Exit codes: 0 done, 1 a build failed, 2 wrong use or bad input.
`;

/** Several words and no command among them: most likely a misspelt command, for which the main one stands in. */
function tooManyWords(program: Command, first: string, excess: string): Failure {
  const commands = program.commands.map((command) => command.name());
  if (nearest(first, commands).length > 0) return unknownName('command', first, commands);
  const hint = 'The main command takes one arch; `bootstrap --help` shows all commands.';
  return { reason: 'wrong-use', what: `there is a word too many: '${excess}'`, hint };
}

function selectors(command: Command): Command {
  return command
    .option(
      '--host <H>',
      "arch that the cross compiler runs on (default: this machine's processor)",
      nonEmpty,
    )
    .addOption(
      new Option('--until <STAGE>', 'only the stages up to this one').conflicts(['only', 'onlyAction']),
    )
    .addOption(new Option('--only <STAGE>', 'only this stage, with what it needs').conflicts('onlyAction'))
    .option(
      '--only-action <ACTION>',
      'only this action, with what it needs; no product is written',
      nonEmpty,
    );
}

function sourcing(command: Command): Command {
  return command
    .option('--store <DIR>', 'store directory (default: $BOOTSTRAP_STORE, else ~/.cache/bootstrap)', nonEmpty)
    .option('--mirror <URL>', 'ask this place first for the archives of sources', mirrorUrl)
    .option('--offline', 'fetch nothing: use what the store has')
    .option(
      '--accept-variant <SOURCE>',
      'take a source whose tree differs from the pinned one; may be repeated',
      (name: string, before: readonly string[]) => [...before, name],
      [],
    );
}

function building(command: Command): Command {
  return sourcing(
    command
      .option('-j, --jobs <N>', 'compile with this many processes in all (default: number of cores)', jobs)
      .option('--out <DIR>', 'directory of products (default: out in the repository)', nonEmpty)
      .option('--events <FILE>', 'write what happens as lines of JSON too', nonEmpty),
  );
}

function planRequest(arch: string, goal: PlanRequest['goal'], options: SelectorOptions): PlanRequest {
  return {
    arch,
    goal,
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.until === undefined ? {} : { until: options.until }),
    ...(options.only === undefined ? {} : { only: options.only }),
    ...(options.onlyAction === undefined ? {} : { onlyAction: options.onlyAction }),
  };
}

function sourceRequest(options: SourceOptions): BuildRequest['sources'] {
  return {
    offline: options.offline ?? false,
    acceptVariants: options.acceptVariant ?? [],
    ...(options.store === undefined ? {} : { store: options.store }),
    ...(options.mirror === undefined ? {} : { mirror: options.mirror }),
  };
}

function buildRequest(arch: string, goal: PlanRequest['goal'], options: BuildOptions): BuildRequest {
  return {
    plan: planRequest(arch, goal, options),
    sources: sourceRequest(options),
    jobs: options.jobs ?? availableParallelism(),
    ...(options.out === undefined ? {} : { out: options.out }),
    ...(options.events === undefined ? {} : { events: options.events }),
  };
}

function nonEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

function jobs(text: string): number {
  const number = Number(text);
  if (!/^[1-9][0-9]{0,3}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number from 1 to 9999.');
  return number;
}

function mirrorUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It must be an absolute URL, for example https://host/path.');
  return text;
}

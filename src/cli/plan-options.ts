import { availableParallelism } from 'node:os';
import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { defaultImageKind, imageKinds, type ImageKind } from '../../stages/image-kinds.ts';
import type { BuildRequest } from './build-command.ts';
import { caching } from './cache-options.ts';
import { jobs, nonEmpty, outHelp, sourceRequest, sourcing, type SourceOptions } from './options.ts';
import { ownCompiler, ownMachine } from '../repository/load-inputs.ts';
import type { PlanRequest } from '../repository/select-plan.ts';
import type { Session } from './session.ts';

interface SelectorOptions {
  readonly host?: string;
  readonly targetCompiler?: string;
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
export interface PlanOptions extends SelectorOptions, Omit<RootOptions, 'image'> {
  readonly image?: ImageKind | true;
}

/** Options of commands that build. */
export interface BuildOptions extends SelectorOptions, RootOptions, SourceOptions {
  readonly record?: boolean;
  readonly again?: boolean;
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly out?: string;
  readonly events?: string;
}

/** What `bootstrap WORDS OPTIONS` would build, for commands that look at that. */
export function planning(command: Command): Command {
  command
    .argument('<ARCH...>', '`image ARCH` selects the plan of `bootstrap image ARCH`')
    .usage('[image] ARCH [options]');
  return selectors(command)
    .option('--with-native', 'with `image`: include the native compiler in the image')
    .addOption(toolchainOption('with `image`: '))
    .addOption(overlayOption())
    .addOption(kernelConfigOption())
    .addOption(
      imageOption('--image [KIND]', '; without KIND: the same as the word `image`').argParser(imageKind),
    );
}

/** For commands that look at a plan: the words before their options. */
export function wordsRequest(
  session: Session,
  words: readonly string[],
  { image, ...options }: PlanOptions,
): Result<PlanRequest, Failure> {
  const ofImage = image === true || (words.length > 1 && words[0] === 'image');
  const [arch = '', excess] = words.length > 1 && words[0] === 'image' ? words.slice(1) : words;
  if (excess !== undefined) {
    const hint = 'Name one arch; put the word `image` before it for the plan of `bootstrap image`.';
    return failed({ reason: 'wrong-use', what: `unexpected argument: '${excess}'`, hint });
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
    `how the root filesystem reaches the guest: ${kinds} (default: ${defaultImageKind})${more}`,
  );
}

function imageKind(text: string): ImageKind {
  const kind = imageKinds.find((known) => known === text);
  if (kind === undefined) {
    throw new InvalidArgumentError(
      `It must be one of ${imageKinds.join(', ')}, and ARCH must come before it.`,
    );
  }
  return kind;
}

function overlayOption(): Option {
  return new Option('--overlay <DIR>', 'lay the files of this directory over the root filesystem').argParser(
    nonEmpty,
  );
}

/** `--toolchain`; `where` says with which word it goes. */
export function toolchainOption(where = ''): Option {
  return new Option(
    '--toolchain <PREFIX>',
    `${where}compile with an external toolchain instead of stage 1; PREFIX is what precedes gcc, as in arm-linux-gnueabi-`,
  ).argParser(nonEmpty);
}

function kernelConfigOption(): Option {
  return new Option(
    '--kernel-config <FILE>',
    'further kernel symbols, in lines such as CONFIG_X=y and # CONFIG_X is not set',
  ).argParser(nonEmpty);
}

/** `--target-compiler`, for every command that has something made for an arch. */
export function targetCompilerOption(): Option {
  return new Option(
    '--target-compiler <H>',
    `compile what is made for ARCH by the cross compiler that runs on this arch, or by one made for that alone: ${ownCompiler} (default: the host, where its programs run here)`,
  ).argParser(nonEmpty);
}

/** `--builder`, for every command that has chunks built. */
export function builderOption(): Option {
  return new Option(
    '--builder <ARCH>',
    `the arch whose guests build the chunks, or ${ownMachine}: this machine (default: this machine where it runs the system's programs, otherwise guests of the system's arch)`,
  ).argParser(nonEmpty);
}

/** Options that say which compilers are meant. */
export function hosting(command: Command): Command {
  return command
    .option(
      '--host <H>',
      "arch on which the cross compiler runs (default: this machine's processor)",
      nonEmpty,
    )
    .addOption(targetCompilerOption());
}

/** Options that say which part of a plan is meant. */
export function selectors(command: Command): Command {
  return hosting(command)
    .addOption(
      new Option('--until <STAGE>', 'only the stages up to this one; see `bootstrap list stages`').conflicts([
        'only',
        'onlyAction',
      ]),
    )
    .addOption(new Option('--only <STAGE>', 'only this stage, with what it needs').conflicts('onlyAction'))
    .option(
      '--only-action <ACTION>',
      'only this action, with what it needs; no product is written',
      nonEmpty,
    );
}

/** Options of commands that build. */
export function building(command: Command): Command {
  return caching(
    sourcing(
      command
        .option(
          '-j, --jobs <N>',
          'total number of concurrent compile processes (default: number of cores)',
          jobs,
        )
        .option('-k, --keep-going', 'after a failure, go on with what does not depend on it')
        .option('--out <DIR>', outHelp, nonEmpty)
        .addOption(imageOption('--image <KIND>').choices(imageKinds))
        .addOption(overlayOption())
        .addOption(kernelConfigOption())
        .option(
          '--record',
          'record every command that an action runs (printed by `record` and `log --commands`)',
        )
        .option('--again', 'with --record: rerun actions that are built but have no record yet')
        .option('--events <FILE>', 'also write events to this file, as lines of JSON', nonEmpty),
    ),
  );
}

/** The plan that is meant, with the user's paths made absolute. */
function planRequest(
  session: Session,
  arch: string,
  goal: PlanRequest['goal'],
  options: SelectorOptions & RootOptions,
): PlanRequest {
  return {
    arch,
    ...(session.archDirectories === undefined ? {} : { archDirectories: session.archDirectories }),
    ...(session.versions === undefined ? {} : { versions: session.versions }),
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
    ...(options.targetCompiler === undefined ? {} : { targetCompiler: options.targetCompiler }),
    ...(options.until === undefined ? {} : { until: options.until }),
    ...(options.only === undefined ? {} : { only: options.only }),
    ...(options.onlyAction === undefined ? {} : { onlyAction: options.onlyAction }),
  };
}

/** The build that is meant. */
export function buildRequest(
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
    ...(options.keepGoing === undefined ? {} : { keepGoing: options.keepGoing }),
    ...(options.out === undefined ? {} : { out: options.out }),
    ...(options.events === undefined ? {} : { events: options.events }),
  };
}

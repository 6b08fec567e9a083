import type { Arch } from '../src/inputs/arch.ts';
import type { Platform, Ref } from '../src/plan/action.ts';
import { triple, type Triple } from '../src/plan/names.ts';

/**
 * A machine that a program is compiled for: its triple, and how the build machine compiles for it.
 */
export interface Machine {
  /** `build`, or the name of an arch. */
  readonly name: string;
  readonly triple: Triple;
  /** Tool trees that bring the compiler for it; empty where that is the build machine's own. */
  readonly tools: readonly Ref[];
  /** C and C++ compiler commands. `--static` beside `-static`, because libtool swallows the latter. */
  readonly cc: string;
  readonly cxx: string;
  /** GNU name of its processor. */
  readonly cpu: string;
}

/**
 * The build machine. The vendor in its triple is ours, so that it never equals a host by accident.
 */
export function buildMachine(platform: Platform): Machine {
  return {
    name: 'build',
    triple: triple(`${platform.cpu}-buildmachine-linux-gnu`),
    tools: [],
    cc: 'gcc -static --static',
    cxx: 'g++ -static --static',
    cpu: platform.cpu,
  };
}

/** An arch as the machine that runs what is compiled, by the compiler for it that runs here. */
export function archMachine(arch: Arch, stage1: readonly Ref[]): Machine {
  return {
    name: arch.name,
    triple: arch.triple,
    tools: stage1,
    cc: `${arch.triple}-gcc -static --static`,
    cxx: `${arch.triple}-g++ -static --static`,
    cpu: processorOf(arch),
  };
}

/** GNU name of an arch's processor: the first word of its triple. */
export function processorOf({ triple }: Pick<Arch, 'triple'>): string {
  return triple.slice(0, triple.indexOf('-'));
}

/** Programs of the build machine's compiler chain, for the generators that a build runs itself. */
export const buildCompilers = { CC_FOR_BUILD: 'gcc', CXX_FOR_BUILD: 'g++' } as const;

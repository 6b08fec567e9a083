import type { Arch } from '../src/inputs/arch.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output } from '../src/plan/builder.ts';
import { withAllocator } from './allocator.ts';
import { compiler, type Compiler } from './compiler.ts';
import { everything, image } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { baseEnvironment, buildAction, type PlanInputs } from './inputs.ts';
import { linuxHeaders } from './linux-headers.ts';
import { archMachine, buildMachine, type Machine } from './machine.ts';
import { mathLibraries } from './math-libraries.ts';
import { muslHeaders, runtime } from './runtime.ts';
import { smokeTest } from './smoke-test.ts';
import { defineStage } from './stage.ts';

/** The first compiler for an arch, which runs on the build machine, and what others take from it. */
export interface FirstCompiler {
  readonly arch: Arch;
  readonly actions: readonly Action[];
  /** Headers and libraries of the target: what every compiler for it shares. United with one, they are its prefix. */
  readonly runtime: readonly Ref[];
  readonly kernelHeaders: Ref;
  readonly musl: Ref;
  readonly gccRuntime: Ref;
  /** Binutils and gcc alone. */
  readonly compiler: Compiler;
  /** The arch that the compiler's programs are for. Undefined: the build machine. */
  readonly host?: Arch;
  /** The whole compiler, smoke-tested: tool trees for everything that is compiled for this arch. */
  readonly tools: readonly Ref[];
  /** Programs that the smoke test linked, for a guest to run. */
  readonly programs: Ref;
  /** gmp, mpfr and mpc for the arch. */
  readonly mathLibraries: readonly Ref[];
  /** The arch as the machine on which released compilers run, with an allocator of ours in each of their programs. */
  readonly machine: Machine;
}

/** What compilers are made with. */
interface CompilerTools {
  /** Shell, utilities and make. */
  readonly base: readonly Ref[];
  readonly m4: Ref;
  /** gmp, mpfr and mpc for the build machine. */
  readonly mathLibraries: readonly Ref[];
}

/** Where a first compiler runs, and what made it. Undefined: on the build machine, by its own compiler. */
type Maker = Pick<FirstCompiler, 'arch' | 'machine' | 'mathLibraries'> | undefined;

/**
 * Builds binutils, gcc and the runtime for an arch. The compiler of a maker is the cross compiler that is released, under its
 * name; what it makes for the target belongs to stage 1 like that of any other.
 */
function firstCompiler(inputs: PlanInputs, arch: Arch, maker: Maker, using: CompilerTools): FirstCompiler {
  const { base } = using;
  const stage = `stage-1-${arch.name}`;
  const kernel = linuxHeaders(inputs, arch, { base });
  const kernelHeaders = kernel.ref;
  const headers = muslHeaders(inputs, stage, arch, base);
  const made = compiler(inputs, {
    stage: maker === undefined ? stage : crossCompilerStage(arch, maker.arch),
    host: maker?.machine ?? buildMachine(inputs.build),
    target: arch,
    base,
    mathLibraries: (maker ?? using).mathLibraries,
    targetTrees: [kernelHeaders, output(headers, 'out')],
    first: true,
  });
  const libraries = runtime(inputs, {
    stage,
    target: arch,
    base,
    compiler: made,
    kernelHeaders,
    muslHeaders: output(headers, 'out'),
  });
  const shared = [kernelHeaders, libraries.musl, libraries.gccRuntime];
  const untested = [made.binutils, made.gcc, ...shared];
  const test = buildAction(inputs, {
    name: `${stage}/smoke-test`,
    description: `C and C++ programs for ${arch.name}, static and dynamic`,
    tools: [...base, ...untested],
    env: baseEnvironment(inputs),
    commands: smokeTest(inputs, { target: arch, prefix: '/tools', programPrefix: `${arch.triple}-` }),
    outputs: { programs: '/programs', passed: '/passed' },
    weight: 10,
  });
  const tools = [...untested, output(test, 'passed')];
  const machine = archMachine(arch, tools);
  const math = mathLibraries(inputs, stage, machine, [...base, using.m4]);
  const hosting = withAllocator(inputs, stage, machine, base);
  return {
    arch,
    actions: [
      kernel.action,
      headers,
      ...made.actions,
      ...libraries.actions,
      test,
      ...math.actions,
      hosting.action,
    ],
    runtime: shared,
    kernelHeaders,
    musl: libraries.musl,
    gccRuntime: libraries.gccRuntime,
    compiler: made,
    ...(maker === undefined ? {} : { host: maker.arch }),
    tools,
    programs: output(test, 'programs'),
    mathLibraries: math.refs,
    machine: hosting.machine,
  };
}

/** Stage of the actions that make a released cross compiler. */
export function crossCompilerStage(target: Arch, host: Arch): string {
  return `cross-compiler-${target.name}-${host.name}`;
}

/** The first compilers of a plan. */
export interface FirstCompilers {
  readonly actions: readonly Action[];
  /** Compiles everything that is made for the target. */
  readonly target: FirstCompiler;
  /** Compiles the cross compiler for the host. */
  readonly host: FirstCompiler;
}

/**
 * The compilers for target and host. That for the target is one of the build machine's own, or, where the inputs name a host
 * whose programs run here, the released cross compiler: then one compiler less is made.
 */
export function firstCompilers(inputs: PlanInputs, using: CompilerTools): FirstCompilers {
  const { target, host, compilerHost } = inputs;
  const made = new Map<string, FirstCompiler>();
  const ofBuildMachine = (arch: Arch): FirstCompiler => {
    const known = made.get(arch.name) ?? firstCompiler(inputs, arch, undefined, using);
    made.set(arch.name, known);
    return known;
  };
  const forTarget =
    compilerHost === undefined || compilerHost.name === target.name
      ? ofBuildMachine(target)
      : firstCompiler(inputs, target, ofBuildMachine(compilerHost), using);
  const forHost = host.name === target.name ? forTarget : ofBuildMachine(host);
  return {
    actions: [...forTarget.actions, ...[...made.values()].flatMap(({ actions }) => actions)],
    target: forTarget,
    host: forHost,
  };
}

export const stage = defineStage({
  name: 'stage-1',
  summary: 'compilers that run here and build for the arch and for the host',
  goals: [everything, image],
  needs: { host: hostTools },
  make: ({ inputs, needs: { host } }) =>
    firstCompilers(inputs, { base: host.base, m4: host.tools.m4, mathLibraries: host.mathLibraries }),
});

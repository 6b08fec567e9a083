import type { Arch } from '../src/inputs/arch.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output } from '../src/plan/builder.ts';
import { compiler } from './compiler.ts';
import { everything, image } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { baseEnvironment, buildAction, type PlanInputs } from './inputs.ts';
import { linuxHeaders } from './linux-headers.ts';
import { archMachine, buildMachine } from './machine.ts';
import { mathLibraries } from './math-libraries.ts';
import { muslHeaders, runtime } from './runtime.ts';
import { smokeTest } from './smoke-test.ts';
import { defineStage } from './stage.ts';

/** The stage-1 cross compiler for an arch (build machine to arch), and what others take from it. */
export interface Stage1 {
  readonly arch: Arch;
  readonly actions: readonly Action[];
  /** Headers and libraries of the target: what every compiler for it shares. United with one, they are its prefix. */
  readonly runtime: readonly Ref[];
  readonly kernelHeaders: Ref;
  readonly musl: Ref;
  readonly gccRuntime: Ref;
  /** The whole compiler, smoke-tested: tool trees for everything that is compiled for this arch. */
  readonly tools: readonly Ref[];
  /** Programs that the smoke test linked, for a guest to run. */
  readonly programs: Ref;
}

/** Builds binutils, gcc and the runtime for an arch, from and on the build machine. */
export function stage1(
  inputs: PlanInputs,
  arch: Arch,
  using: {
    readonly base: readonly Ref[];
    readonly mathLibraries: readonly Ref[];
  },
): Stage1 {
  const { base, mathLibraries } = using;
  const stage = `stage-1-${arch.name}`;
  const kernel = linuxHeaders(inputs, arch, { base });
  const kernelHeaders = kernel.ref;
  const headers = muslHeaders(inputs, stage, arch, base);
  const made = compiler(inputs, {
    stage,
    host: buildMachine(inputs.build),
    target: arch,
    base,
    mathLibraries,
    targetTrees: [kernelHeaders, output(headers, 'out')],
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
  return {
    arch,
    actions: [kernel.action, headers, ...made.actions, ...libraries.actions, test],
    runtime: shared,
    kernelHeaders,
    musl: libraries.musl,
    gccRuntime: libraries.gccRuntime,
    tools: [...untested, output(test, 'passed')],
    programs: output(test, 'programs'),
  };
}

/** A stage-1 compiler, with what compilers that run on its arch link. */
export interface Stage1WithLibraries extends Stage1 {
  /** gmp, mpfr and mpc for the arch. */
  readonly mathLibraries: readonly Ref[];
}

export const stage = defineStage({
  name: 'stage-1',
  summary: 'compilers that run here and build for the arch and for the host',
  goals: [everything, image],
  needs: { host: hostTools },
  make: ({ inputs, needs: { host } }) => {
    const { base } = host;
    const compilerFor = (arch: Arch): Stage1WithLibraries => {
      const made = stage1(inputs, arch, { base, mathLibraries: host.mathLibraries });
      const machine = archMachine(arch, made.tools);
      const math = mathLibraries(inputs, `stage-1-${arch.name}`, machine, [...base, host.tools.m4]);
      return { ...made, actions: [...made.actions, ...math.actions], mathLibraries: math.refs };
    };
    const target = compilerFor(inputs.target);
    if (inputs.host.name === inputs.target.name) return { actions: target.actions, target, host: target };
    const forHost = compilerFor(inputs.host);
    return { actions: [...target.actions, ...forHost.actions], target, host: forHost };
  },
});

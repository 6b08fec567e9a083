import type { Ref } from '../src/plan/action.ts';
import { defineAction, output } from '../src/plan/builder.ts';
import { compiler } from './compiler.ts';
import { assembleCompiler, frontEnd, type FinishedCompiler } from './finished-compiler.ts';
import { baseEnvironment, type PlanInputs } from './inputs.ts';
import { archMachine } from './machine.ts';
import { smokeTest } from './smoke-test.ts';
import type { Stage1 } from './stage-1.ts';

/** The Canadian cross: runs on `host`, makes code for `target`; what is released. */
export function crossCompiler(
  inputs: PlanInputs,
  using: {
    readonly base: readonly Ref[];
    readonly host: Stage1;
    readonly target: Stage1;
    readonly mathLibraries: readonly Ref[];
  },
): FinishedCompiler {
  const { base } = using;
  const host = archMachine(using.host.arch, using.host.tools);
  const target = using.target.arch;
  const stage = `cross-compiler-${target.name}-${host.name}`;
  const made = compiler(inputs, {
    stage,
    host,
    target,
    base,
    mathLibraries: using.mathLibraries,
    targetTrees: using.target.tools,
  });
  const ccwrap = frontEnd(inputs, stage, host, base);
  const programPrefix = `${target.triple}-`;
  const whole = assembleCompiler(inputs, {
    stage,
    trees: [made.binutils, made.gcc, ...using.target.runtime],
    ccwrap: output(ccwrap, 'out'),
    base,
    programPrefix,
    triple: target.triple,
    // armv5l-gcc beside armv5l-linux-musleabi-gcc.
    links: `for program in bin/${programPrefix}*; do
      name=\${program##*/}
      ln -s $name bin/${target.name}-\${name#${programPrefix}}
    done`,
    description: `the compiler that runs on ${host.name} and builds for ${target.name}`,
  });
  // The build machine runs its own 32-bit sibling too; for any other host the guest's test has to do.
  const runsHere = using.host.arch.runsOn?.includes(inputs.build.cpu) ?? false;
  const test = defineAction({
    name: `${stage}/smoke-test`,
    description: `C and C++ programs for ${target.name}, by the compiler for ${host.name}`,
    platform: inputs.build,
    tools: base,
    // Not where it was built for: a relocatable compiler works anywhere.
    inputs: { '/moved/compiler': output(whole, 'out') },
    env: {
      ...baseEnvironment(inputs),
      CPATH: '/nowhere',
      LIBRARY_PATH: '/nowhere',
      GCC_EXEC_PREFIX: '/nowhere/',
    },
    commands: smokeTest(inputs, { target, prefix: '/moved/compiler', programPrefix }),
    outputs: { programs: '/programs', passed: '/passed' },
    weight: 10,
  });
  return {
    actions: [...made.actions, ccwrap, whole, ...(runsHere ? [test] : [])],
    tree: output(whole, 'out'),
    tests: runsHere ? [test.name] : [],
  };
}

import type { Ref } from '../src/plan/action.ts';
import { output, shell } from '../src/plan/builder.ts';
import { compiler } from './compiler.ts';
import { assembleCompiler, frontEnd, type FinishedCompiler } from './finished-compiler.ts';
import { everything } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { distccNames, distccProgram } from './host-tools/distcc.ts';
import { baseEnvironment, buildAction, type PlanInputs } from './inputs.ts';
import { archMachine } from './machine.ts';
import { withPackages } from './package.ts';
import { crossCompilerPackage } from './products.ts';
import { smokeTest } from './smoke-test.ts';
import { crossCompilerStage, stage as stage1, type FirstCompiler } from './stage-1.ts';
import { defineStage } from './stage.ts';

/** The Canadian cross: runs on `host`, makes code for `target`; what is released. */
function crossCompiler(
  inputs: PlanInputs,
  using: {
    readonly base: readonly Ref[];
    readonly host: FirstCompiler;
    readonly target: FirstCompiler;
  },
): FinishedCompiler {
  const { base } = using;
  const host = archMachine(using.host.arch, using.host.tools);
  const target = using.target.arch;
  const stage = crossCompilerStage(target, using.host.arch);
  const made =
    using.target.host?.name === host.name
      ? using.target.compiler
      : compiler(inputs, {
          stage,
          host: using.host.machine,
          target,
          base,
          mathLibraries: using.host.mathLibraries,
          targetTrees: using.target.tools,
          first: false,
        });
  const ccwrap = frontEnd(inputs, stage, host, base);
  const distccd = distccProgram(inputs, { stage, program: 'distccd', host, base });
  const programPrefix = `${target.triple}-`;
  const whole = assembleCompiler(inputs, {
    stage,
    trees: [made.binutils, made.gcc, output(distccd, 'out'), ...using.target.runtime],
    ccwrap: output(ccwrap, 'out'),
    base,
    programPrefix,
    triple: target.triple,
    links: `${host.name === target.name ? prefixedNames(programPrefix, target.triple) : ''}# Links to the file itself: node's tar, for one, extracts none that leads to another link.
    file_of() { if [ -L bin/$1 ]; then readlink bin/$1; else echo $1; fi; }
    # armv5l-gcc beside armv5l-linux-musleabi-gcc.
    for program in bin/${programPrefix}*; do
      name=\${program##*/}
      ln -s $(file_of $name) bin/${target.name}-\${name#${programPrefix}}
    done
    # What distccd runs for a guest, by the names that the native compiler has there.
    mkdir distcc
    for name in ${distccNames.join(' ')}; do
      file=$(file_of ${programPrefix}$name)
      ln -s ../bin/$file distcc/$name
      ln -s ../bin/$file distcc/${programPrefix}$name
    done`,
    description: `the compiler that runs on ${host.name} and builds for ${target.name}`,
  });
  // The build machine runs its own 32-bit sibling too; for any other host the test in a guest has to do.
  const runsHere = inputs.runs.includes(host.name);
  const test = buildAction(inputs, {
    name: `${stage}/smoke-test`,
    description: `C and C++ programs for ${target.name}, by the compiler for ${host.name}`,
    tools: base,
    alsoRuns: [host.cpu],
    // Not where it was built for: a relocatable compiler works anywhere.
    inputs: { '/moved/compiler': output(whole, 'out') },
    env: {
      ...baseEnvironment(inputs),
      CPATH: '/nowhere',
      LIBRARY_PATH: '/nowhere',
      GCC_EXEC_PREFIX: '/nowhere/',
    },
    commands: [
      ...smokeTest(inputs, { target, prefix: '/moved/compiler', programPrefix }),
      shell(
        `bin/distccd --version
        for program in distcc/*; do
          [ "$($program -dumpmachine)" = ${target.triple} ] || { echo "$program: another compiler"; exit 1; }
        done`,
        { cwd: '/moved/compiler' },
      ),
    ],
    outputs: { programs: '/programs', passed: '/passed' },
    weight: 10,
  });
  return {
    actions: [...made.actions, ccwrap, distccd, whole, ...(runsHere ? [test] : [])],
    tree: output(whole, 'out'),
    tests: runsHere ? [test.name] : [],
  };
}

export const stage = defineStage({
  name: 'cross-compiler',
  summary: 'static relocatable compiler: runs on the host, builds for the arch',
  goals: [everything],
  needs: { tools: hostTools, compilers: stage1 },
  make: ({ inputs, needs: { tools, compilers } }) => {
    const { host, target } = compilers;
    const made = crossCompiler(inputs, { base: tools.base, host, target });
    return withPackages(made, crossCompilerPackage(inputs, tools.packing, made.tree));
  },
});

/**
 * Lines that give every program the prefix: where host and target are the same arch, binutils and gcc install theirs without it, by
 * which they would hide those of the machine.
 */
function prefixedNames(programPrefix: string, triple: string): string {
  return `for program in bin/*; do
      name=\${program##*/}
      case $name in ${programPrefix}* | distccd) continue ;; esac
      if [ -e bin/${programPrefix}$name ]; then rm $program; else mv $program bin/${programPrefix}$name; fi
    done
    # What gcc itself runs are links to those.
    for link in ${triple}/bin/*; do
      if [ ! -e $link ]; then ln -sf ../../bin/${programPrefix}\${link##*/} $link; fi
    done
    `;
}

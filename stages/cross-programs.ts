import type { Ref } from '../src/plan/action.ts';
import { run, shell } from '../src/plan/builder.ts';
import { actionName, type ActionName } from '../src/plan/names.ts';
import { sysrootDirectory } from './compiler.ts';
import { hostTools } from './host-tools.ts';
import { baseEnvironment, buildAction, type PlanInputs, repoFile } from './inputs.ts';
import { buildMachine } from './machine.ts';
import { mathLibraries } from './math-libraries.ts';
import { sharedLibgcc } from './runtime.ts';
import { firstCompilers } from './stage-1.ts';
import type { DeclaredPlan } from './stage.ts';

const sourceDirectory = 'target/tests/programs/';
const muslDirectory = 'target/tests/musl/';
const builder = 'target/tests/build-program.sh';

/** Base names of the files in a directory of this repository, in order. */
function filesIn({ files }: Pick<PlanInputs, 'files'>, directory: string): readonly string[] {
  return [...files.keys()]
    .filter((path) => path.startsWith(directory))
    .map((path) => path.slice(directory.length))
    .sort();
}

/** Names of the test programs, each a C or C++ file of its own; what ends in `-library` is part of another one. */
export function testPrograms(inputs: Pick<PlanInputs, 'files'>): readonly string[] {
  return filesIn(inputs, sourceDirectory)
    .map((file) => /^(.+?)\.cc?$/.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .filter((name) => !name.endsWith('-library'));
}

/** Names of the programs that show the faults of musl that our patches fix; each passes when it ends with 0. */
export function muslPrograms(inputs: Pick<PlanInputs, 'files'>): readonly string[] {
  return filesIn(inputs, muslDirectory)
    .map((file) => /^(.+)\.c$/.exec(file)?.[1])
    .filter((name) => name !== undefined);
}

/** Files of this repository that make up the test programs, by their place in the guest. */
export function testProgramFiles(inputs: Pick<PlanInputs, 'files'>): Readonly<Record<string, string>> {
  return {
    'build-program.sh': builder,
    ...Object.fromEntries(
      filesIn(inputs, sourceDirectory).map((file) => [`programs/${file}`, `${sourceDirectory}${file}`]),
    ),
  };
}

/** Action whose output `out` has a file for each program, with what it prints when the machine's own compiler made it. */
export const expectedAction: ActionName = actionName('cross-programs/expected');

/** Action whose output `out` has the programs: `static/`, `dynamic/`, `musl/`, and in `lib/` what dynamic ones need. */
export function crossProgramsAction(arch: string): ActionName {
  return actionName(`cross-programs-${arch}/programs`);
}

function mounted(inputs: PlanInputs, files: Readonly<Record<string, string>>): Record<string, Ref> {
  return Object.fromEntries(
    Object.entries(files).map(([place, path]) => [`/tests/${place}`, repoFile(inputs, path)]),
  );
}

/** A loop over names of programs; the names are safe words. */
function forEach(names: readonly string[], body: string): string {
  return `for name in ${names.join(' ')}; do ${body}; done`;
}

/** The test programs by the machine's own compiler, run here: the output that every other build of them must have. */
export function expectedOutput(inputs: PlanInputs): DeclaredPlan {
  const { tools, actions } = hostTools(inputs);
  const action = buildAction(inputs, {
    name: expectedAction,
    description: "output of the test programs, built by this machine's compiler",
    tools: [tools.busybox],
    inputs: { '/': { kind: 'compiler' }, ...mounted(inputs, testProgramFiles(inputs)) },
    env: { ...baseEnvironment(inputs), CC: 'gcc', CXX: 'g++' },
    commands: [
      shell(
        forEach(
          testPrograms(inputs),
          'sh /tests/build-program.sh $name /tests/programs /build/made static; /build/made/static/$name >/out/$name',
        ),
      ),
    ],
    outputs: { out: '/out' },
    weight: 25,
  });
  return { actions: [...actions, action], products: [], goals: [action.name] };
}

/** The test programs by the stage-1 compiler for the target, static and dynamic, and those that show musl's faults. */
export function crossPrograms(inputs: PlanInputs): DeclaredPlan {
  const { target } = inputs;
  const host = hostTools(inputs);
  const { tools } = host;
  const base = [tools.busybox, tools.make];
  const build = mathLibraries(inputs, 'host-tools', buildMachine(inputs.build), [...base, tools.m4]);
  const compilers = firstCompilers(inputs, { base, m4: tools.m4, mathLibraries: build.refs });
  const compiler = compilers.target;
  const musl = Object.fromEntries(
    muslPrograms(inputs).map((name) => [`musl/${name}.c`, `${muslDirectory}${name}.c`]),
  );
  const libraries = [sysrootDirectory(target), target.triple].map((part) => `/tools/${part}/lib`);
  const action = buildAction(inputs, {
    name: crossProgramsAction(target.name),
    description: `test programs for ${target.name}, static and dynamic`,
    tools: [...base, ...compiler.tools],
    inputs: mounted(inputs, { ...testProgramFiles(inputs), ...musl }),
    env: {
      ...baseEnvironment(inputs),
      CC: `${target.triple}-gcc`,
      CXX: `${target.triple}-g++`,
    },
    commands: [
      shell(
        forEach(
          testPrograms(inputs),
          'for mode in static dynamic; do sh /tests/build-program.sh $name /tests/programs /build/made $mode; done',
        ),
      ),
      run(['mkdir', '-p', '/out/musl', '/out/lib']),
      run(['cp', '-R', '/build/made/static', '/build/made/dynamic', '/out']),
      shell(forEach(muslPrograms(inputs), '$CC -O2 -static -s -o /out/musl/$name /tests/musl/$name.c')),
      // For the emulator of single programs, which has no root filesystem to find them in.
      shell(
        `for name in libc.so ${sharedLibgcc(target)} libstdc++.so.6 libatomic.so.1; do
          for directory in ${libraries.join(' ')}; do
            if [ -e $directory/$name ]; then cp -L $directory/$name /out/lib; fi
          done
        done
        ln -s libc.so /out/lib/${target.musl.loader}`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 25,
  });
  return {
    actions: [...host.actions, ...build.actions, ...compilers.actions, action],
    products: [],
    goals: [action.name],
  };
}

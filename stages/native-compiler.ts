import type { Ref } from '../src/plan/action.ts';
import { output, run, shell, write } from '../src/plan/builder.ts';
import { compiler, sysrootDirectory } from './compiler.ts';
import { assembleCompiler, frontEnd, type FinishedCompiler } from './finished-compiler.ts';
import { everything } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { distccNames, distccProgram } from './host-tools/distcc.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from './inputs.ts';
import { archMachine, buildMachine } from './machine.ts';
import { withPackages } from './package.ts';
import { nativeCompilerPackage } from './products.ts';
import { runtimeFiles } from './runtime.ts';
import { stage as stage1, type FirstCompiler } from './stage-1.ts';
import { defineStage } from './stage.ts';

/** The compiler that runs on the target itself, with make and distcc. */
function nativeCompiler(
  inputs: PlanInputs,
  using: { readonly base: readonly Ref[]; readonly target: FirstCompiler },
): FinishedCompiler {
  const { base } = using;
  const target = using.target.arch;
  const host = archMachine(target, using.target.tools);
  const stage = `native-compiler-${target.name}`;
  const made = compiler(inputs, {
    stage,
    host: using.target.machine,
    target,
    base,
    mathLibraries: using.target.mathLibraries,
    targetTrees: using.target.tools,
    first: false,
  });
  const make = buildAction(inputs, {
    name: `${stage}/make`,
    description: `make for ${target.name}`,
    tools: [...base, ...host.tools],
    inputs: { '/src': { writable: [source(inputs, 'make')] } },
    // Its fnmatch declares getenv without parameters, which contradicts <stdlib.h> in C23, the preset of gcc since 15.
    env: { ...baseEnvironment(inputs), CC: host.cc, CFLAGS: '-O2 -std=gnu17' },
    commands: [
      // Releases as distributions ship them lack doc/, which configure makes a makefile of.
      write('/src/doc/Makefile.in', 'all install:\n'),
      run([
        '/src/configure',
        `--build=${buildMachine(inputs.build).triple}`,
        `--host=${target.triple}`,
        '--prefix=/tools',
        '--disable-nls',
        '--disable-dependency-tracking',
        '--disable-load',
        '--without-guile',
      ]),
      run(['sh', './build.sh']),
      shell(`mkdir -p /out/bin\n${target.triple}-strip -o /out/bin/make make`),
    ],
    outputs: { out: '/out' },
    weight: 15,
  });
  const ccwrap = frontEnd(inputs, stage, host, base);
  const distcc = distccProgram(inputs, { stage, program: 'distcc', host, base });
  const whole = assembleCompiler(inputs, {
    stage,
    trees: [made.binutils, made.gcc, output(make, 'out'), output(distcc, 'out'), ...using.target.runtime],
    ccwrap: output(ccwrap, 'out'),
    base,
    programPrefix: '',
    triple: target.triple,
    links: `# What a user installs under /usr/local is found as everywhere else, though the sysroot is the compiler's own.
    ln -s /usr/local ${sysrootDirectory(target)}/usr/local
    # In front of bin in PATH, these go by way of distcc, which finds the compilers themselves behind them.
    mkdir distcc
    for name in ${distccNames.join(' ')}; do
      for name in $name ${target.triple}-$name; do
        if [ -e bin/$name ]; then ln -s ../bin/distcc distcc/$name; fi
      done
    done`,
    description: `the compiler that runs on ${target.name} itself`,
  });
  // The build machine cannot run it, but it can check that every program is static and of the right kind. Guests do the rest.
  const test = buildAction(inputs, {
    name: `${stage}/smoke-test`,
    description: `checks of the programs of the compiler for ${target.name}`,
    tools: [...base, ...host.tools],
    inputs: { '/compiler': output(whole, 'out') },
    env: baseEnvironment(inputs),
    commands: [
      shell(
        `cd /compiler
        for file in ${runtimeFiles(inputs, target).join(' ')} bin/gcc bin/g++ bin/make bin/as bin/ld bin/distcc distcc/gcc distcc/g++ driver/gcc; do
          if [ ! -e $file ]; then echo "the compiler lacks $file"; exit 1; fi
        done
        for program in bin/* driver/* libexec/gcc/${target.triple}/*/c*; do
          if [ -L $program ] || ! head -c 4 $program | grep -q ELF; then continue; fi
          ${target.triple}-readelf -hlW $program > /build/headers
          if grep -q INTERP /build/headers; then echo "$program is not static"; exit 1; fi
          grep -q 'Class: *ELF${target.bits}' /build/headers || { echo "$program: wrong class"; exit 1; }
          grep -q '${target.byteOrder} endian' /build/headers || { echo "$program: wrong byte order"; exit 1; }
        done
        echo passed > /passed/${target.triple}`,
      ),
    ],
    outputs: { passed: '/passed' },
    weight: 5,
  });
  return {
    actions: [...made.actions, make, ccwrap, distcc, whole, test],
    tree: output(whole, 'out'),
    tests: [test.name],
  };
}

export const stage = defineStage({
  name: 'native-compiler',
  summary: 'static compiler that runs on the arch itself',
  goals: [everything],
  needs: { tools: hostTools, compilers: stage1 },
  make: ({ inputs, needs: { tools, compilers } }) => {
    const { target } = compilers;
    const made = nativeCompiler(inputs, { base: tools.base, target });
    return withPackages(made, nativeCompilerPackage(inputs, tools.packing, made.tree));
  },
});

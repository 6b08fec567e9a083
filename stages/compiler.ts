import type { Arch } from '../src/inputs/arch.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output, run, shell } from '../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from './inputs.ts';
import { buildCompilers, buildMachine, type Machine } from './machine.ts';

/** Where every compiler is installed, before it is moved anywhere: the place of tools in a sandbox. */
export const prefix = '/tools';

/** What a compiler is made from. */
export interface CompilerRequest {
  /** Stage that the actions belong to, for example `stage-1-armv5l`. */
  readonly stage: string;
  /** The machine that the compiler runs on. */
  readonly host: Machine;
  /** The machine that it makes code for. */
  readonly target: Arch;
  /** Shell, utilities and make. */
  readonly base: readonly Ref[];
  /** gmp, mpfr and mpc for the host. */
  readonly mathLibraries: readonly Ref[];
  /** Trees of the target's prefix that must be in place: a whole compiler that runs here, or headers alone. */
  readonly targetTrees: readonly Ref[];
  /**
   * Whether this is the first compiler for the target, so that it makes the target's libraries itself: its programs run on the
   * build machine, and `targetTrees` are headers.
   */
  readonly first: boolean;
}

export interface Compiler {
  readonly actions: readonly Action[];
  /** as, ld, ar and the rest. */
  readonly binutils: Ref;
  /** gcc, g++, cpp, cc1, cc1plus, collect2 and gcc's own headers. */
  readonly gcc: Ref;
  /** gcc's build tree, in which the target's runtime is made. Scratch. */
  readonly gccBuild: Ref;
  /** Variables of make that name the compiler in the build tree, where gcc's makefiles would look for an installed one. */
  readonly targetCompilers: readonly string[];
}

/**
 * The target's C library and interface headers, below the prefix: `lib`, `usr/include`, and `usr/lib` as a link to `lib`.
 * What belongs to gcc (C++ headers, libstdc++, libgcc) lies outside, so that a user's `--sysroot` replaces the C library alone.
 */
export function sysrootDirectory({ triple }: Pick<Arch, 'triple'>): string {
  return `${triple}/sysroot`;
}

/** Where gcc keeps what belongs to one target and version, below the prefix. */
export function gccLibraryDirectory(inputs: PlanInputs, target: Arch): string {
  return `lib/gcc/${target.triple}/${source(inputs, 'gcc').version}`;
}

/**
 * Binutils and gcc that run on `host` and make code for `target`. The same switches for each of the four compilers,
 * so that one runtime fits them all: with host = target too, the C library lies in a sysroot, which gcc finds relative
 * to itself.
 */
export function compiler(inputs: PlanInputs, request: CompilerRequest): Compiler {
  const { stage, host, target, base } = request;
  const build = buildMachine(inputs.build).triple;
  const sysroot = `${prefix}/${sysrootDirectory(target)}`;
  const triples = [`--build=${build}`, `--host=${host.triple}`, `--target=${target.triple}`];
  const environment = {
    ...baseEnvironment(inputs),
    ...buildCompilers,
    CC: host.cc,
    CXX: host.cxx,
    CFLAGS: '-O2',
    CXXFLAGS: '-O2',
    CFLAGS_FOR_BUILD: '-O2',
    CXXFLAGS_FOR_BUILD: '-O2',
    // Position independent, for static programs that are (-static-pie). libtool's own -fPIC comes later and wins.
    CFLAGS_FOR_TARGET: '-O2 -fPIE',
    CXXFLAGS_FOR_TARGET: '-O2 -fPIE',
  };
  // No manual is built or installed. As an argument, because configure replaces one of the environment that has no version.
  const make = (...goals: readonly string[]): readonly [string, ...string[]] => [
    'make',
    'MAKEINFO=true',
    ...goals,
  ];
  const targetCompilers = request.first && host.name !== 'build' ? compilersInTree(target) : [];
  const everyCompiler = ['--disable-nls', '--disable-werror', '--disable-multilib', '--without-zstd'];

  const binutils = buildAction(inputs, {
    name: `${stage}/binutils`,
    description: `assembler and linker for ${target.triple} that run on ${host.triple}`,
    tools: [...base, ...host.tools],
    inputs: { '/': { kind: 'compiler' }, '/src': source(inputs, 'binutils') },
    env: environment,
    commands: [
      run([
        '/src/configure',
        ...triples,
        `--prefix=${prefix}`,
        `--with-sysroot=${sysroot}`,
        ...everyCompiler,
        '--disable-shared',
        '--disable-gdb',
        '--disable-gprof',
        '--disable-gprofng',
        '--disable-plugins',
        '--disable-separate-code',
        '--enable-deterministic-archives',
        '--without-debuginfod',
        '--without-msgpack',
      ]),
      run(make()),
      run(make('install-strip', 'DESTDIR=/build/dest')),
      // One copy of each program: those under the triple's own bin, which gcc runs, become links.
      shell(
        `mv dest${prefix}/* /out
        cd /out
        rm -rf share include lib etc
        for tool in ${target.triple}/bin/*; do
          name=\${tool##*/}
          if [ -f bin/${target.triple}-$name ]; then to=${target.triple}-$name; else to=$name; fi
          ln -sf ../../bin/$to $tool
        done`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 260,
    memory: 1024,
    programsFor: host.cpu,
  });

  // The first compiler is configured with the assembler just made; others with that of the first, which is the same release.
  const targetTools = request.first ? [output(binutils, 'out')] : [];
  const gccBuild = buildAction(inputs, {
    name: `${stage}/gcc-build`,
    description: `build tree of gcc for ${target.triple} that runs on ${host.triple}`,
    // Where host and target are one machine, its compiler's trees are named twice.
    tools: unique([...base, ...host.tools, ...request.targetTrees, ...targetTools]),
    inputs: { '/': { kind: 'compiler' }, '/src': source(inputs, 'gcc'), '/libraries': request.mathLibraries },
    env: environment,
    commands: [
      run(
        [
          '/src/configure',
          ...triples,
          `--prefix=${prefix}`,
          `--with-sysroot=${sysroot}`,
          `--with-gxx-include-dir=${prefix}/${target.triple}/include/c++/${source(inputs, 'gcc').version}`,
          ...everyCompiler,
          ...target.gcc.configure,
          '--with-gmp=/libraries',
          '--with-mpfr=/libraries',
          '--with-mpc=/libraries',
          '--without-isl',
          '--enable-languages=c,c++',
          '--enable-checking=release',
          '--enable-threads=posix',
          '--enable-tls',
          '--enable-initfini-array',
          '--enable-libstdcxx-time=rt',
          '--disable-bootstrap',
          '--disable-fixincludes',
          '--disable-gnu-indirect-function',
          '--disable-libcc1',
          '--disable-libitm',
          '--disable-libquadmath',
          '--disable-libsanitizer',
          '--disable-libssp',
          '--disable-libstdcxx-pch',
          '--disable-libvtv',
          // A static linker cannot load gcc's plugin for link-time optimisation. Without it objects hold machine code
          // beside the intermediate form, and collect2 brings the latter to lto1.
          '--enable-lto',
          '--disable-lto-plugin',
          '--disable-plugin',
          // 59 files of gcc 16 are -fanalyzer, which nobody asks of a compiler that never leaves the build.
          ...(host.name === 'build' ? ['--disable-analyzer'] : []),
        ],
        { cwd: '/build/gcc' },
      ),
      run(make(...targetCompilers, 'all-gcc'), { cwd: '/build/gcc' }),
      // They name the running kernel and files with random names; nobody reads them again.
      shell(
        `find . -name config.log | while read -r file; do
          : > "$file"
        done`,
        { cwd: '/build/gcc' },
      ),
    ],
    outputs: { build: '/build/gcc' },
    scratch: ['build'],
    weight: 1300,
    memory: 3072,
  });

  // Apart from the build, so that what is installed can change without compiling anything again.
  const gcc = buildAction(inputs, {
    name: `${stage}/gcc`,
    description: `C and C++ compiler for ${target.triple} that runs on ${host.triple}`,
    tools: gccBuild.recipe.tools,
    inputs: {
      '/': { kind: 'compiler' },
      '/src': source(inputs, 'gcc'),
      '/libraries': request.mathLibraries,
      '/build/gcc': { writable: [output(gccBuild, 'build')] },
    },
    env: environment,
    commands: [
      run(make(...targetCompilers, 'install-strip-gcc', 'DESTDIR=/build/dest'), { cwd: '/build/gcc' }),
      shell(
        `mv dest${prefix}/* /out
        cd /out
        rm -rf share include ${gccLibraryDirectory(inputs, target)}/install-tools libexec/gcc/*/*/install-tools
        rm -rf ${gccLibraryDirectory(inputs, target)}/plugin libexec/gcc/*/*/plugin bin/*lto-dump
        find . -name '*.la' -exec rm {} +`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 20,
    programsFor: host.cpu,
  });

  return {
    actions: [binutils, gccBuild, gcc],
    binutils: output(binutils, 'out'),
    gcc: output(gcc, 'out'),
    gccBuild: output(gccBuild, 'build'),
    targetCompilers,
  };
}

/**
 * gcc's top-level makefile takes the compiler for the target's libraries from its own build tree only where build and host are
 * the same machine. These variables say what it would say itself.
 */
function compilersInTree({ triple }: Arch): readonly string[] {
  const own = '-B/build/gcc/gcc/';
  const library = `/build/gcc/${triple}/libstdc++-v3`;
  const flags = `${library}/scripts/testsuite_flags`;
  const includes = `\`if test -f ${flags}; then sh ${flags} --build-includes; else echo -funconfigured-libstdc++-v3; fi\``;
  const libraries = `-L${library}/src -L${library}/src/.libs -L${library}/libsupc++/.libs`;
  const gcc = `/build/gcc/gcc/xgcc ${own}`;
  return [
    `CC_FOR_TARGET=${gcc}`,
    `GCC_FOR_TARGET=${gcc}`,
    `CXX_FOR_TARGET=/build/gcc/gcc/xg++ ${own} -nostdinc++ ${includes} ${libraries}`,
    `RAW_CXX_FOR_TARGET=/build/gcc/gcc/xgcc -shared-libgcc ${own} -nostdinc++ ${libraries}`,
  ];
}

/** Refs without repetition, in order of first mention. */
function unique(refs: readonly Ref[]): readonly Ref[] {
  const seen = new Map(refs.map((ref) => [JSON.stringify(ref), ref] as const));
  return [...seen.values()];
}

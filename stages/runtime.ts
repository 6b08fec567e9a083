import type { Arch } from '../src/inputs/arch.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output, run, shell } from '../src/plan/builder.ts';
import { gccLibraryDirectory, prefix, sysrootDirectory, type Compiler } from './compiler.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from './inputs.ts';

/** musl's headers, for the time before musl itself can be compiled. */
export function muslHeaders(inputs: PlanInputs, stage: string, target: Arch, base: readonly Ref[]): Action {
  return buildAction(inputs, {
    name: `${stage}/musl-headers`,
    description: `headers of the C library for ${target.name}`,
    tools: base,
    inputs: { '/src': { writable: [source(inputs, 'musl')] } },
    env: baseEnvironment(inputs),
    commands: [
      run(
        [
          'make',
          `ARCH=${target.musl.arch}`,
          'prefix=/usr',
          `DESTDIR=/out/${sysrootDirectory(target)}`,
          'install-headers',
        ],
        { cwd: '/src' },
      ),
    ],
    outputs: { out: '/out' },
    weight: 2,
  });
}

/** What every program for a target stands on, built once and shared by all compilers for it. */
export interface Runtime {
  readonly actions: readonly Action[];
  /** The C library with its headers and the dynamic loader, in the sysroot. */
  readonly musl: Ref;
  /** libgcc, libstdc++, libatomic and libgomp, in `<triple>/` and `lib/gcc/`. */
  readonly gccRuntime: Ref;
}

/**
 * The target's runtime, by the first compiler for it: a static libgcc first, because musl's shared library needs one, then
 * musl, then gcc's libraries whole, which need musl.
 */
export function runtime(
  inputs: PlanInputs,
  request: {
    readonly stage: string;
    readonly target: Arch;
    readonly base: readonly Ref[];
    readonly compiler: Compiler;
    readonly kernelHeaders: Ref;
    readonly muslHeaders: Ref;
  },
): Runtime {
  const { stage, target, base, compiler, kernelHeaders } = request;
  const { triple } = target;
  // gcc's build tree was configured with headers instead of a sysroot: keep that path.
  const buildTree = { writable: [compiler.gccBuild] };
  const environment = baseEnvironment(inputs);

  /**
   * Makes and installs some of gcc's target libraries in a copy of its build tree. The dependency files there name
   * headers of the build machine, which are out of sight here: emptied, they do not ask for anything to be made again.
   */
  const makeLibraries = (libraries: readonly string[], overrides: readonly string[]) => [
    shell(
      `find . -name '*.Po' -o -name '*.Plo' | while read -r file; do
        : > "$file"
      done`,
      { cwd: '/build/gcc' },
    ),
    run(
      [
        'make',
        'MAKEINFO=true',
        ...compiler.targetCompilers,
        ...overrides,
        ...libraries.map((name) => `all-target-${name}`),
      ],
      { cwd: '/build/gcc' },
    ),
    run(
      [
        'make',
        'MAKEINFO=true',
        ...compiler.targetCompilers,
        ...overrides,
        'DESTDIR=/build/dest',
        ...libraries.map((name) => `install-target-${name}`),
      ],
      { cwd: '/build/gcc' },
    ),
  ];

  const libgcc = buildAction(inputs, {
    name: `${stage}/libgcc`,
    description: `gcc's own support library for ${target.name}, static`,
    tools: [...base, compiler.binutils, kernelHeaders, request.muslHeaders],
    inputs: { '/src': source(inputs, 'gcc'), '/build/gcc': buildTree },
    env: environment,
    commands: [
      // The variable reaches libgcc through the name of make itself, which every level hands on.
      ...makeLibraries(['libgcc'], ['MAKE=make enable_shared=no']),
      shell(`mv dest${prefix}/* /out`),
    ],
    outputs: { out: '/out' },
    weight: 30,
  });

  const musl = buildAction(inputs, {
    name: `${stage}/musl`,
    description: `the C library for ${target.name}`,
    tools: [
      ...base,
      compiler.binutils,
      compiler.gcc,
      kernelHeaders,
      request.muslHeaders,
      output(libgcc, 'out'),
    ],
    inputs: { '/src': source(inputs, 'musl') },
    env: environment,
    commands: [
      run(
        [
          '/src/configure',
          `--target=${triple}`,
          `CROSS_COMPILE=${triple}-`,
          `CC=${triple}-gcc`,
          // libc.a for position-independent static programs too; the -fPIC of libc.so comes later and wins.
          'CFLAGS=-fPIE',
          '--prefix=/usr',
          '--libdir=/lib',
          '--syslibdir=/lib',
          '--disable-wrapper',
        ],
        { cwd: '/build/musl' },
      ),
      run(['make'], { cwd: '/build/musl' }),
      run(['make', 'install', `DESTDIR=/out/${sysrootDirectory(target)}`], { cwd: '/build/musl' }),
      shell(
        `cd /out/${sysrootDirectory(target)}
        ln -sf libc.so lib/${target.musl.loader}
        ln -s ../lib usr/lib`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 60,
  });

  const gccRuntime = buildAction(inputs, {
    name: `${stage}/gcc-runtime`,
    description: `libgcc, libstdc++ and friends for ${target.name}`,
    tools: [...base, compiler.binutils, kernelHeaders, output(musl, 'out')],
    inputs: { '/src': source(inputs, 'gcc'), '/build/gcc': buildTree },
    env: environment,
    commands: [
      ...makeLibraries(['libgcc', 'libstdc++-v3', 'libatomic', 'libgomp'], []),
      shell(
        `mv dest${prefix}/* /out
        cd /out
        rm -rf share
        find . -name '*.la' -exec rm {} +
        find . -name '*-gdb.py' -exec rm {} +
        # gcc installs for 64-bit processors into lib64, which nobody else has.
        for other in ${triple}/lib?*; do
          if [ -d $other ]; then mv $other/* ${triple}/lib/; rmdir $other; fi
        done`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 300,
    memory: 1536,
  });

  return {
    actions: [libgcc, musl, gccRuntime],
    musl: output(musl, 'out'),
    gccRuntime: output(gccRuntime, 'out'),
  };
}

/** Soname of the shared libgcc. */
export function sharedLibgcc({ gcc }: Arch): string {
  return `libgcc_s.so.${String(gcc.libgccVersion ?? 1)}`;
}

/** Files that a complete runtime has, relative to the prefix: what the smoke tests look for. */
export function runtimeFiles(inputs: PlanInputs, target: Arch): readonly string[] {
  const gccLibraries = gccLibraryDirectory(inputs, target);
  const libraries = `${target.triple}/lib`;
  const sysroot = sysrootDirectory(target);
  return [
    `${sysroot}/lib/libc.a`,
    `${sysroot}/lib/libc.so`,
    `${sysroot}/lib/rcrt1.o`,
    `${sysroot}/lib/${target.musl.loader}`,
    `${sysroot}/usr/include/stdlib.h`,
    `${sysroot}/usr/include/linux/version.h`,
    `${libraries}/libstdc++.a`,
    `${libraries}/libstdc++.so`,
    `${libraries}/${sharedLibgcc(target)}`,
    `${gccLibraries}/libgcc.a`,
    `${gccLibraries}/libgcc_eh.a`,
    `${gccLibraries}/crtbeginS.o`,
  ];
}

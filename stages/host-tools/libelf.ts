import type { Action } from '../../src/plan/action.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { configure, hostTool, librariesPrefix } from './tool.ts';

/** libelf of elfutils, for the kernel's objtool: `include/` and `lib/libelf.a`. Whoever links it links zlib after it. */
export function libelf(
  inputs: PlanInputs,
  tools: {
    readonly busybox: Action;
    readonly make: Action;
    readonly m4: Action;
    readonly bison: Action;
    readonly flex: Action;
  },
  zlib: Action,
): Action {
  return hostTool(inputs, {
    name: 'libelf',
    source: 'elfutils',
    description: 'libelf, static, for the kernel',
    tools: [tools.busybox, tools.make, tools.m4, tools.bison, tools.flex],
    libraries: [zlib],
    env: {
      CPPFLAGS: `-I${librariesPrefix}/include`,
      // configure links a program that asks for shared objects; nothing but an archive is made here.
      LDFLAGS: `-L${librariesPrefix}/lib`,
    },
    commands: [
      configure(
        inputs,
        '--disable-nls',
        '--disable-dependency-tracking',
        '--disable-debuginfod',
        '--disable-libdebuginfod',
        '--without-bzlib',
        '--without-lzma',
        '--without-zstd',
      ),
      run(['make', '-C', 'lib']),
      run(['make', '-C', 'libelf', 'libelf.a']),
      shell(`
        mkdir /out/include /out/lib
        cp /src/libelf/libelf.h /src/libelf/gelf.h /src/libelf/nlist.h /src/libelf/elf.h /out/include
        cp libelf/libelf.a /out/lib`),
    ],
    provides: [],
    weight: 35,
  });
}

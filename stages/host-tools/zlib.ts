import type { Action } from '../../src/plan/action.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { hostTool, librariesPrefix } from './tool.ts';

/** zlib for the build machine: `include/` and `lib/libz.a`. */
export function zlib(inputs: PlanInputs, tools: { readonly busybox: Action; readonly make: Action }): Action {
  return hostTool(inputs, {
    name: 'zlib',
    description: 'zlib, static, for squashfs-tools and the kernel',
    tools: [tools.busybox, tools.make],
    commands: [
      run(['/src/configure', '--static', `--prefix=${librariesPrefix}`]),
      run(['make', 'libz.a']),
      shell(`
        mkdir /out/include /out/lib
        cp /src/zlib.h zconf.h /out/include
        cp libz.a /out/lib`),
    ],
    provides: [],
    weight: 8,
  });
}

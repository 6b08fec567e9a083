import type { Action } from '../../src/plan/action.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { configure, hostTool } from './tool.ts';

/** flex: makes the scanners of the kernel's build. Runs m4, so whoever uses it names m4 too. */
export function flex(
  inputs: PlanInputs,
  tools: { readonly busybox: Action; readonly make: Action; readonly m4: Action; readonly bison: Action },
): Action {
  return hostTool(inputs, {
    name: 'flex',
    description: 'flex, for the kernel',
    tools: [tools.busybox, tools.make, tools.m4, tools.bison],
    env: {
      // libtool takes `-static` to itself; with the second spelling the compiler sees one too.
      CC: 'gcc -static --static',
      M4: '/tools/bin/m4',
      // 2.6.4 uses reallocarray undeclared otherwise, and crashes over the pointer cut to an int.
      CFLAGS: '-O2 -D_GNU_SOURCE',
    },
    commands: [
      configure(inputs, '--disable-nls', '--disable-dependency-tracking', '--disable-shared'),
      run(['make', '-C', 'src', 'flex']),
      shell('strip src/flex\nmkdir /out/bin\ncp src/flex /out/bin/flex'),
    ],
    provides: ['flex'],
    weight: 30,
  });
}

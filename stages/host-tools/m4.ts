import type { Action } from '../../src/plan/action.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { configure, hostTool } from './tool.ts';

/** GNU m4: run by bison, flex and gmp's configure. */
export function m4(inputs: PlanInputs, tools: { readonly busybox: Action; readonly make: Action }): Action {
  return hostTool(inputs, {
    name: 'm4',
    description: 'GNU m4, which bison and flex run',
    tools: [tools.busybox, tools.make],
    commands: [
      configure(inputs, '--disable-nls', '--disable-dependency-tracking'),
      run(['make', '-C', 'lib']),
      run(['make', '-C', 'src']),
      shell('strip src/m4\nmkdir /out/bin\ncp src/m4 /out/bin/m4'),
    ],
    provides: ['m4'],
    weight: 50,
  });
}

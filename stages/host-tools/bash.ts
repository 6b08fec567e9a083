import type { Action } from '../../src/plan/action.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { configure, hostTool } from './tool.ts';

/** bash, for the scripts that are written for it (toybox's, some of the kernel's). `sh` stays busybox's. */
export function bash(inputs: PlanInputs, tools: { readonly busybox: Action; readonly make: Action }): Action {
  return hostTool(inputs, {
    name: 'bash',
    description: 'bash, for scripts that want it by name',
    tools: [tools.busybox, tools.make],
    commands: [
      configure(
        inputs,
        '--disable-nls',
        '--disable-readline',
        '--without-bash-malloc',
        '--without-curses',
        '--enable-static-link',
      ),
      run(['make', 'bash']),
      shell('strip bash\nmkdir /out/bin\ncp bash /out/bin/bash'),
    ],
    provides: ['bash'],
    weight: 45,
  });
}

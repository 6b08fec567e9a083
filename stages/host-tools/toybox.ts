import type { Action } from '../../src/plan/action.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { hostTool } from './tool.ts';

/** The commands that busybox has too, but with fewer options. */
const commands = ['CPIO', 'TAR'];

/**
 * toybox, under its own name only and with few commands: `toybox tar` writes archives with given owners and times,
 * which busybox's cannot. Its build scripts are bash's and count processors rather than draw from the jobserver,
 * hence CPUS.
 */
export function toybox(
  inputs: PlanInputs,
  tools: { readonly busybox: Action; readonly make: Action; readonly bash: Action },
): Action {
  return hostTool(inputs, {
    name: 'toybox',
    description: 'toybox, for archives with given owners',
    tools: [tools.busybox, tools.make, tools.bash],
    writableSource: true,
    env: { CPUS: '1' },
    commands: [
      write('/build/commands', commands.map((name) => `CONFIG_${name}=y\n`).join('')),
      run(['make', 'allnoconfig'], { cwd: '/src', env: { KCONFIG_ALLCONFIG: '/build/commands' } }),
      run(['make', 'toybox'], { cwd: '/src' }),
      shell('mkdir /out/bin\ncp /src/toybox /out/bin/toybox'),
    ],
    provides: ['toybox'],
    weight: 35,
  });
}

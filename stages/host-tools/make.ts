import type { Action } from '../../src/plan/action.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { configure, hostTool } from './tool.ts';

/** GNU make, built by the script that comes with it for machines that have no make. */
export function make(inputs: PlanInputs, tools: { readonly busybox: Action }): Action {
  return hostTool(inputs, {
    name: 'make',
    description: 'GNU make',
    tools: [tools.busybox],
    writableSource: true,
    commands: [
      // Releases as distributions ship them lack doc/, which configure makes a makefile of.
      write('/src/doc/Makefile.in', 'all install:\n'),
      configure(
        inputs,
        '--disable-nls',
        '--disable-dependency-tracking',
        '--disable-load',
        '--without-guile',
      ),
      run(['sh', './build.sh']),
      shell('strip make\nmkdir /out/bin\ncp make /out/bin/make'),
    ],
    provides: ['make'],
    weight: 20,
  });
}

import type { Action } from '../../src/plan/action.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { configure, hostTool } from './tool.ts';

/** GNU bison: makes the parsers of the kernel's build. Runs m4, so whoever uses it names m4 too. */
export function bison(
  inputs: PlanInputs,
  tools: { readonly busybox: Action; readonly make: Action; readonly m4: Action },
): Action {
  return hostTool(inputs, {
    name: 'bison',
    description: 'GNU bison, for the kernel',
    tools: [tools.busybox, tools.make, tools.m4],
    env: { M4: '/tools/bin/m4' },
    commands: [
      configure(inputs, '--disable-nls', '--disable-dependency-tracking'),
      // `make all` would want doc/, which releases as distributions ship them lack, and perl for the examples.
      write('/build/headers.mk', 'include Makefile\nheaders: $(filter lib/%,$(BUILT_SOURCES))\n'),
      run(['make', '-f', 'headers.mk', 'headers']),
      run(['make', 'src/bison']),
      run(['make', 'DESTDIR=/build/dest', ...installs.map((part) => `install-${part}`)]),
      shell('strip dest/tools/bin/bison\nmv dest/tools/bin dest/tools/share /out'),
    ],
    provides: ['bison'],
    weight: 75,
  });
}

/** The program and its skeletons. */
const installs = ['binPROGRAMS', 'dist_pkgdataDATA', 'dist_m4sugarDATA', 'dist_skeletonsDATA'];

import type { Action } from '../../src/plan/action.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { configure, hostTool } from './tool.ts';

/** xz, both ways. */
export function xz(inputs: PlanInputs, tools: { readonly busybox: Action; readonly make: Action }): Action {
  return hostTool(inputs, {
    name: 'xz',
    description: 'xz, for kernels and archives',
    tools: [tools.busybox, tools.make],
    // libtool takes `-static` to itself; with the second spelling the compiler sees one too.
    env: { CC: 'gcc -static --static' },
    commands: [
      configure(
        inputs,
        '--disable-nls',
        '--disable-dependency-tracking',
        '--disable-shared',
        '--disable-xzdec',
        '--disable-lzmadec',
        '--disable-lzmainfo',
        '--disable-lzma-links',
        '--disable-scripts',
        '--disable-doc',
      ),
      run(['make', '-C', 'src/liblzma']),
      run(['make', '-C', 'src/xz']),
      shell(`
        strip src/xz/xz
        mkdir /out/bin
        cp src/xz/xz /out/bin/xz
        ln -s xz /out/bin/unxz
        ln -s xz /out/bin/xzcat`),
    ],
    provides: ['xz', 'unxz', 'xzcat'],
    weight: 35,
  });
}

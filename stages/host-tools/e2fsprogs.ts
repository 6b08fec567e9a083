import type { Action } from '../../src/plan/action.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { configure, hostTool } from './tool.ts';

/** Makes, checks and fills ext2 images without mounting them. */
export function e2fsprogs(
  inputs: PlanInputs,
  tools: { readonly busybox: Action; readonly make: Action },
): Action {
  return hostTool(inputs, {
    name: 'e2fsprogs',
    description: 'makes, checks and fills ext2 images',
    tools: [tools.busybox, tools.make],
    commands: [
      configure(
        inputs,
        '--sysconfdir=/tools/etc',
        '--disable-nls',
        '--disable-elf-shlibs',
        '--disable-uuidd',
        '--disable-fsck',
        '--disable-defrag',
        '--disable-fuse2fs',
        '--without-libarchive',
        '--without-crond-dir',
        '--without-systemd-unit-dir',
        '--without-udev-rules-dir',
      ),
      run(['make', 'libs']),
      run(['make', '-C', 'misc', 'mke2fs']),
      run(['make', '-C', 'e2fsck', 'e2fsck']),
      run(['make', '-C', 'debugfs', 'debugfs']),
      shell(`
        mkdir /out/bin
        cp misc/mke2fs e2fsck/e2fsck debugfs/debugfs /out/bin
        strip /out/bin/*`),
    ],
    provides: ['mke2fs', 'e2fsck', 'debugfs'],
    weight: 75,
  });
}

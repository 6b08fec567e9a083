import type { Action } from '../../src/plan/action.ts';
import { run, shell } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { hostTool, librariesPrefix } from './tool.ts';

/** mksquashfs and unsquashfs, with gzip as the only compression. */
export function squashfsTools(
  inputs: PlanInputs,
  tools: { readonly busybox: Action; readonly make: Action },
  zlib: Action,
): Action {
  return hostTool(inputs, {
    name: 'squashfs-tools',
    description: 'makes squashfs images',
    tools: [tools.busybox, tools.make],
    libraries: [zlib],
    writableSource: true,
    commands: [
      run(
        [
          'make',
          'mksquashfs',
          'unsquashfs',
          'GZIP_SUPPORT=1',
          'XZ_SUPPORT=0',
          'LZO_SUPPORT=0',
          'LZ4_SUPPORT=0',
          'ZSTD_SUPPORT=0',
          'XATTR_SUPPORT=0',
          `EXTRA_CFLAGS=-I${librariesPrefix}/include`,
          `EXTRA_LDFLAGS=-static -L${librariesPrefix}/lib`,
        ],
        { cwd: '/src/squashfs-tools' },
      ),
      shell(`
        cd /src/squashfs-tools
        strip mksquashfs unsquashfs
        mkdir /out/bin
        cp mksquashfs unsquashfs /out/bin`),
    ],
    provides: ['mksquashfs', 'unsquashfs'],
    weight: 20,
  });
}

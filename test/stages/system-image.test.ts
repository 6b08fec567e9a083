import { describe, expect, test } from 'vitest';
import { systemImage } from '../../stages/system-image.ts';
import { imageInputs, madeElsewhere, reads } from './image-inputs.ts';

function image(nativeCompiler: boolean) {
  const { actions } = systemImage(imageInputs, {
    base: [madeElsewhere('busybox')],
    kind: 'initramfs',
    anyNames: false,
    squashfsTools: madeElsewhere('squashfs-tools'),
    e2fsprogs: madeElsewhere('e2fsprogs'),
    busybox: madeElsewhere('target-busybox'),
    kernel: madeElsewhere('kernel'),
    rootFilesystem: madeElsewhere('root-filesystem'),
    ...(nativeCompiler ? { nativeCompiler: madeElsewhere('native-compiler') } : {}),
  });
  return new Map(actions.map((action) => [action.name.split('/')[1], action]));
}

describe('system image', () => {
  test('without a native compiler nothing packs one', () => {
    expect([...image(false).keys()]).toEqual(['gen-init-cpio', 'initramfs', 'assemble']);
    expect([...image(true).keys()]).toEqual(['gen-init-cpio', 'initramfs', 'toolchain', 'assemble']);
  });

  test('a new kernel packs neither initramfs nor toolchain again', () => {
    const actions = image(true);
    const dependents = [...actions].filter(([, action]) =>
      reads(action).includes('elsewhere/kernel' as never),
    );
    expect(dependents.map(([name]) => name)).toEqual(['assemble']);
  });
});

import { describe, expect, test } from 'vitest';
import { systemImage } from '../../stages/system-image.ts';
import { imageInputs, madeElsewhere, reads, said } from './image-inputs.ts';

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

  test('the initramfs has the console, and the special modes of the root filesystem', () => {
    const initramfs = image(false).get('initramfs');
    const text = initramfs === undefined ? '' : said(initramfs);
    expect(text).toContain('nod /dev/console 0600 0 0 c 5 1');
    expect(text).toContain('/tmp) mode=1777 ;;');
    expect(text).toContain('gen_init_cpio -t "$SOURCE_DATE_EPOCH"');
  });

  test('mksquashfs is given times by options alone: it refuses both at once', () => {
    const toolchain = image(true).get('toolchain');
    expect(toolchain?.recipe.env).toEqual({});
    expect(toolchain === undefined ? '' : said(toolchain)).toContain('-mkfs-time 1735689600');
  });

  test('device tree and run-emulator.sh lie beside the kernel', () => {
    const assemble = image(false).get('assemble');
    const text = assemble === undefined ? '' : said(assemble);
    expect(text).toContain('cp /kernel/kernel /kernel/device-tree.dtb /out');
    expect(text).toContain('qemu-system-arm');
  });
});

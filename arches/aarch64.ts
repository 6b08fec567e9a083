import { describeArch } from '../src/inputs/arch.ts';
import { primeCellSymbols, virtArmEmulator } from './families/arm.ts';

export const arch = describeArch({
  name: 'aarch64',
  aliases: ['arm64'],
  summary: '64-bit ARM, little endian',
  bits: 64,
  byteOrder: 'little',
  triple: 'aarch64-linux-musl',
  unameMachines: ['aarch64'],
  runsOn: ['aarch64'],
  gcc: { configure: [] },
  musl: { arch: 'aarch64', loader: 'ld-musl-aarch64.so.1' },
  glibc: { loader: '/lib/ld-linux-aarch64.so.1' },
  kernel: {
    arch: 'arm64',
    goals: ['Image'],
    image: 'arch/arm64/boot/Image',
    symbols: ['SMP', 'PCI_HOST_GENERIC', 'VIRTIO_MMIO', ...primeCellSymbols],
    withoutGeneric: [],
    objtool: false,
  },
  emulator: {
    ...virtArmEmulator,
    program: 'qemu-system-aarch64',
    userProgram: 'qemu-aarch64',
    // The machine's default is a 32-bit processor.
    cpu: 'cortex-a57',
    processors: 8,
    commandLineLimit: 2048,
  },
});

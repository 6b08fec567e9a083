import { describeArch } from '../src/inputs/arch.ts';
import { primeCellSymbols } from './families/arm.ts';

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
  kernel: {
    arch: 'arm64',
    goals: ['Image'],
    image: 'arch/arm64/boot/Image',
    symbols: ['SMP', 'PCI_HOST_GENERIC', 'VIRTIO_MMIO', ...primeCellSymbols],
    withoutGeneric: [],
    objtool: false,
  },
  emulator: {
    program: 'qemu-system-aarch64',
    userProgram: 'qemu-aarch64',
    debianPackage: 'qemu-system-arm',
    machine: 'virt',
    // The machine's own choice is a 32-bit processor.
    cpu: 'cortex-a57',
    console: 'ttyAMA0',
    memory: { preset: 256 },
    virtio: 'pci',
    network: 'virtio-net-pci',
    // The card's boot ROM is in a package that Debian only recommends, and nothing is booted from the network.
    arguments: ['-global', 'virtio-net-pci.romfile='],
    commandLineLimit: 2048,
  },
});

import { describeArch } from '../src/inputs/arch.ts';
import { virtRiscvKernel } from './families/riscv.ts';

export const arch = describeArch({
  name: 'riscv64',
  aliases: ['rv64', 'riscv'],
  summary: '64-bit RISC-V (RV64GC, lp64d), little endian',
  bits: 64,
  byteOrder: 'little',
  triple: 'riscv64-linux-musl',
  unameMachines: ['riscv64'],
  gcc: { configure: [] },
  musl: { arch: 'riscv64', loader: 'ld-musl-riscv64.so.1' },
  glibc: { loader: '/lib/ld-linux-riscv64-lp64d.so.1' },
  kernel: {
    ...virtRiscvKernel,
    symbols: ['ARCH_RV64I', 'SOC_VIRT', ...virtRiscvKernel.symbols],
    // The board's symbol has been renamed since 6.1.
    since: [{ version: '6.12', symbols: ['ARCH_RV64I', 'ARCH_VIRT', ...virtRiscvKernel.symbols] }],
  },
  emulator: {
    program: 'qemu-system-riscv64',
    userProgram: 'qemu-riscv64',
    debianPackage: 'qemu-system-misc',
    machine: 'virt',
    console: 'ttyS0',
    memory: { preset: 256 },
    processors: 8,
    virtio: 'pci',
    network: 'virtio-net-pci',
    networkBy: 'device',
    // The card's boot ROM is in a package that Debian only recommends, and nothing is booted from the network.
    arguments: ['-global', 'virtio-net-pci.romfile='],
    commandLineLimit: 1024,
  },
});

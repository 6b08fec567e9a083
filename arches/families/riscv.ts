import type { ArchDescriptor } from '../../src/inputs/arch.ts';

/** Kernel for the emulator's own board; the arch adds the width and the board. */
export const virtRiscvKernel = {
  arch: 'riscv',
  goals: ['Image'],
  image: 'arch/riscv/boot/Image',
  symbols: [
    'MMU',
    'FPU',
    'SMP',
    'PCI_HOST_GENERIC',
    'VIRTIO_MMIO',
    'SERIAL_8250',
    'SERIAL_8250_CONSOLE',
    'SERIAL_OF_PLATFORM',
    'RISCV_SBI',
    'GOLDFISH',
    'RTC_DRV_GOLDFISH',
    'POWER_RESET',
    'POWER_RESET_SYSCON',
    'POWER_RESET_SYSCON_POWEROFF',
    'MFD_SYSCON',
  ],
  withoutGeneric: [],
  objtool: false,
} as const satisfies ArchDescriptor['kernel'];

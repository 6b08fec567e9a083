import type { ArchDescriptor } from '../../src/inputs/arch.ts';

/** Kernel for the emulator's `pc` machine, 32 or 64 bit; the arch adds its processor symbols. */
export const pcKernel = {
  arch: 'x86',
  goals: ['bzImage'],
  image: 'arch/x86/boot/bzImage',
  symbols: [
    // The other unwinder for 64 bit, ORC, writes tables with objtool.
    'UNWINDER_FRAME_POINTER',
    'ACPI',
    'SCSI',
    'BLK_DEV_SD',
    'NET_VENDOR_INTEL',
    'E1000',
    'ATA',
    'ATA_SFF',
    'ATA_BMDMA',
    'ATA_PIIX',
    'SERIAL_8250',
    'SERIAL_8250_CONSOLE',
    'RTC_DRV_CMOS',
  ],
  withoutGeneric: [],
} as const satisfies Omit<ArchDescriptor['kernel'], 'objtool'>;

/** The `pc` machine; the arch adds program and processor. */
export const pcEmulator = {
  debianPackage: 'qemu-system-x86',
  machine: 'pc',
  console: 'ttyS0',
  virtio: 'pci',
  network: 'e1000',
  arguments: [],
  commandLineLimit: 2048,
} as const satisfies Partial<ArchDescriptor['emulator']>;

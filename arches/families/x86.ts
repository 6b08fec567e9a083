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

/** What the emulator cannot where a processor does 64-bit atomic operations by `cmpxchg8b`: 32 bit, from the Pentium on. */
export const pcLacks = [
  {
    // helper_cmpxchg8b in its target/i386/tcg/mem_helper.c computes the flags by an operation that may be out of date, and
    // an interrupt after it saves what a source operand was: trap flag, I/O privilege and all. About one run in seven of
    // target/tests/programs/atomics.c dies of it. Version 8.0 has no such helper (qemu: "target/i386: Inline cmpxchg8b").
    facility: 'wide-atomics',
    reason: 'qemu before 8.0 spoils the flags at cmpxchg8b, and the program may be trapped',
    emulatorBefore: '8.0',
  },
] as const satisfies ArchDescriptor['emulator']['lacks'];

import type { ArchDescriptor } from '../../src/inputs/arch.ts';

/** Kernel for the emulator's `pc` machine, 32 or 64 bit; the arch adds its processor symbols. */
export const pcKernel = {
  arch: 'x86',
  goals: ['bzImage'],
  image: 'arch/x86/boot/bzImage',
  symbols: [
    // The alternative unwinder for 64 bit, ORC, needs objtool to write its tables.
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

/**
 * A fault of the emulator on processors that do 64-bit atomic operations with `cmpxchg8b`: 32 bit, from the Pentium on.
 */
export const pcLacks = [
  {
    // helper_cmpxchg8b in its target/i386/tcg/mem_helper.c computes the flags from an operation that may be out of
    // date, and a subsequent interrupt saves a former source operand as the flags, including trap flag and I/O
    // privilege. About one run in seven of target/tests/programs/atomics.c dies of it. Version 8.0 has no such helper
    // (qemu: "target/i386: Inline cmpxchg8b").
    facility: 'wide-atomics',
    reason: 'qemu before 8.0 spoils the flags at cmpxchg8b, and the program may be trapped',
    emulatorBefore: '8.0',
  },
] as const satisfies ArchDescriptor['emulator']['lacks'];

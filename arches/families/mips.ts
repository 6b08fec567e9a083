import type { ArchDescriptor } from '../../src/inputs/arch.ts';

/** Common to all 32-bit MIPS with the o32 ABI and a floating-point unit. */
export const mips32 = {
  bits: 32,
  unameMachines: ['mips'],
  gcc: { configure: ['--with-arch=mips32r2'] },
} as const satisfies Partial<ArchDescriptor>;

/** Kernel for the Malta board; the arch adds processor and byte order. Its device tree is built in. */
export const maltaKernel = {
  arch: 'mips',
  goals: ['vmlinux'],
  image: 'vmlinux',
  symbols: [
    'MIPS_MALTA',
    'BLK_DEV_SD',
    'SCSI',
    'NET_VENDOR_AMD',
    'PCNET32',
    'SERIAL_8250',
    'SERIAL_8250_CONSOLE',
    'ATA',
    'ATA_SFF',
    'ATA_BMDMA',
    'ATA_PIIX',
    // A reboot is a write to a register of the board, which the device tree describes to this driver.
    'POWER_RESET',
    'POWER_RESET_SYSCON',
    'MFD_SYSCON',
    'POWER_RESET_PIIX4_POWEROFF',
    'RTC_DRV_CMOS',
  ],
  withoutGeneric: ['TIME_NS'],
  objtool: false,
} as const satisfies ArchDescriptor['kernel'];

/** The emulated board; the arch adds the program and, for 64 bit, the processor. */
export const maltaEmulator = {
  debianPackage: 'qemu-system-mips',
  machine: 'malta',
  console: 'ttyS0',
  // A 32-bit kernel without HIGHMEM cannot use more.
  memory: { preset: 256, limit: 256 },
  virtio: 'pci',
  // The kernel has interrupts for four card slots, 18 to 21 (irq_tab in arch/mips/pci/fixup-malta.c), and for a higher
  // slot it reads past the end of that table. The network card is in the first; 13 is 19 in hexadecimal.
  virtioPlaces: [
    ...['addr=13.0,multifunction=on', 'addr=13.1', 'addr=13.2', 'addr=13.3'],
    ...['addr=13.4', 'addr=13.5', 'addr=13.6', 'addr=13.7'],
  ],
  network: 'virtio-net-pci',
  // ROMs of the cards, which Debian only recommends; nothing is booted from the network or shown on a screen.
  arguments: ['-vga', 'none', '-global', 'virtio-net-pci.romfile='],
  commandLineLimit: 4096,
} as const satisfies Omit<ArchDescriptor['emulator'], 'program'>;

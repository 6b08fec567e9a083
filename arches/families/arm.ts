import type { ArchDescriptor } from '../../src/inputs/arch.ts';

/** PrimeCell serial port and clock, on every emulated ARM board. */
export const primeCellSymbols = ['SERIAL_AMBA_PL011', 'SERIAL_AMBA_PL011_CONSOLE', 'RTC_DRV_PL031'] as const;

/** Common to all 32-bit soft-float ARM. */
export const softFloatArm = {
  bits: 32,
  byteOrder: 'little',
  musl: { arch: 'arm', loader: 'ld-musl-arm.so.1' },
  glibc: { loader: '/lib/ld-linux.so.3' },
} as const satisfies Partial<ArchDescriptor>;

/** Common to all 32-bit ARM with a floating-point unit. */
export const hardFloatArm = {
  bits: 32,
  byteOrder: 'little',
  musl: { arch: 'arm', loader: 'ld-musl-armhf.so.1' },
  glibc: { loader: '/lib/ld-linux-armhf.so.3' },
} as const satisfies Partial<ArchDescriptor>;

/**
 * Kernel for the Versatile PB board with an ARM926: the only board with PCI that runs code for processors older than
 * ARMv7. Its PCI host has memory space only, which suffices for modern virtio devices.
 */
export const versatileKernel: ArchDescriptor['kernel'] = {
  arch: 'arm',
  goals: ['zImage', 'dtbs'],
  image: 'arch/arm/boot/zImage',
  deviceTree: 'arch/arm/boot/dts/versatile-pb.dtb',
  // Since then device trees have been in a directory for each vendor.
  since: [{ version: '6.5', deviceTree: 'arch/arm/boot/dts/arm/versatile-pb.dtb' }],
  symbols: [
    'MMU',
    'ARCH_MULTI_V7=n',
    'ARCH_MULTI_V5',
    'ARCH_VERSATILE',
    'CPU_ARM926T',
    'VFP',
    'ARM_THUMB',
    'AEABI',
    // musl uses the kernel's helper page for atomic operations and the thread pointer before ARMv6.
    'KUSER_HELPERS',
    // SMC91X depends on it on all kernels with device tree.
    'GPIOLIB',
    'NET_VENDOR_SMSC',
    'SMC91X',
    'PCI_VERSATILE',
    'SCSI',
    'BLK_DEV_SD',
    'SCSI_LOWLEVEL',
    'SCSI_SYM53C8XX_2',
    'SCSI_SYM53C8XX_MMIO',
    'SCSI_SYM53C8XX_DMA_ADDRESSING_MODE=0',
    ...primeCellSymbols,
  ],
  withoutGeneric: ['TIME_NS'],
  objtool: false,
};

/** The emulated board. More than 256 MiB is an error in the emulator. */
export const versatileEmulator: ArchDescriptor['emulator'] = {
  program: 'qemu-system-arm',
  userProgram: 'qemu-arm',
  debianPackage: 'qemu-system-arm',
  machine: 'versatilepb',
  console: 'ttyAMA0',
  memory: { preset: 256, limit: 256 },
  virtio: 'pci',
  // The board's own chip, smc91c111, has buffers for four packets and drops all others, for a second or more at a time.
  network: 'virtio-net-pci',
  arguments: [
    // The board has a sound chip, for which the emulator would look for a sound card and print warnings.
    ...['-audiodev', 'none,id=silent', '-global', 'pl041.audiodev=silent'],
    // The card's boot ROM is in a package that Debian only recommends, and nothing is booted from the network.
    ...['-global', 'virtio-net-pci.romfile='],
  ],
  commandLineLimit: 1024,
};

/** Kernel for the emulator's own board with a 32-bit processor. */
export const virtArmKernel: ArchDescriptor['kernel'] = {
  arch: 'arm',
  goals: ['zImage'],
  image: 'arch/arm/boot/zImage',
  symbols: [
    'MMU',
    'ARCH_MULTI_V7',
    'ARCH_VIRT',
    // Without it the board's PCI space above 4 GiB cannot be reached.
    'ARM_LPAE',
    'SMP',
    'VFP',
    'NEON',
    'KERNEL_MODE_NEON',
    'AEABI',
    'ARM_THUMB',
    'VDSO',
    'KUSER_HELPERS',
    'HIGHMEM',
    'PCI_HOST_GENERIC',
    'VIRTIO_MMIO',
    ...primeCellSymbols,
  ],
  withoutGeneric: ['TIME_NS'],
  objtool: false,
};

/** That board in the emulator, which also exists with 64-bit processors. */
export const virtArmEmulator: ArchDescriptor['emulator'] = {
  program: 'qemu-system-arm',
  userProgram: 'qemu-arm',
  debianPackage: 'qemu-system-arm',
  machine: 'virt',
  console: 'ttyAMA0',
  memory: { preset: 256 },
  // The kernel for 32 bits is configured for no more.
  processors: 4,
  virtio: 'pci',
  network: 'virtio-net-pci',
  // The card's boot ROM is in a package that Debian only recommends, and nothing is booted from the network.
  arguments: ['-global', 'virtio-net-pci.romfile='],
  commandLineLimit: 1024,
};

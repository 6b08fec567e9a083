import type { ArchDescriptor } from '../../src/inputs/arch.ts';

/** Kernel for the Power Macintosh G3 (beige): 32 bit. */
export const powerMacKernel: ArchDescriptor['kernel'] = {
  arch: 'powerpc',
  goals: ['vmlinux'],
  image: 'vmlinux',
  symbols: [
    'PPC_BOOK3S_32',
    'PPC_PMAC',
    'ALTIVEC',
    'MACINTOSH_DRIVERS',
    'ADB',
    'ADB_CUDA',
    'SERIO',
    'SCSI',
    'ATA',
    'ATA_SFF',
    'ATA_BMDMA',
    'PATA_MACIO',
    'BLK_DEV_SD',
    'NET_VENDOR_NATSEMI',
    'NET_VENDOR_8390',
    'NE2K_PCI',
    'SERIAL_PMACZILOG',
    'SERIAL_PMACZILOG_TTYS',
    'SERIAL_PMACZILOG_CONSOLE',
    'BOOTX_TEXT',
    'PPC_OF_BOOT_TRAMPOLINE',
    'RTC_DRV_GENERIC',
  ],
  withoutGeneric: [],
  objtool: false,
};

/** The emulated machine. */
export const powerMacEmulator: ArchDescriptor['emulator'] = {
  program: 'qemu-system-ppc',
  userProgram: 'qemu-ppc',
  debianPackage: 'qemu-system-ppc',
  machine: 'g3beige',
  console: 'ttyS0',
  // The machine supports 2047 MiB, but a kernel without HIGHMEM uses no more than this.
  memory: { preset: 256, limit: 768 },
  virtio: 'pci',
  network: 'virtio-net-pci',
  // ROMs of the cards, which Debian only recommends; nothing is booted from the network or shown on a screen.
  arguments: ['-vga', 'none', '-global', 'virtio-net-pci.romfile='],
  commandLineLimit: 2048,
};

/** Kernel for IBM's pSeries under a hypervisor: 64 bit; the arch adds the byte order. */
export const pSeriesKernel = {
  arch: 'powerpc',
  goals: ['vmlinux'],
  image: 'vmlinux',
  symbols: [
    'PPC64',
    'PPC_PSERIES',
    // musl's setjmp saves the vector registers without checking whether the kernel has enabled them.
    'ALTIVEC',
    'VSX',
    // The default is 64 KiB, which wastes too much of a small memory.
    'PPC_4K_PAGES',
    'HVC_CONSOLE',
    'PPC_OF_BOOT_TRAMPOLINE',
    'PPC_DISABLE_WERROR',
    'SCSI',
    'SCSI_LOWLEVEL',
    'SCSI_IBMVSCSI',
    'BLK_DEV_SD',
    'ATA',
    'NET_VENDOR_IBM',
    'IBMVETH',
    'RTC_DRV_GENERIC',
  ],
  withoutGeneric: [],
  objtool: false,
  // The last step looks for invalid branches, with unrel_branch_check.sh of arch/powerpc/tools.
  bash: true,
} as const satisfies ArchDescriptor['kernel'];

/** The emulated machine, which does not implement the speculation mitigations that it advertises by default. */
export const pSeriesEmulator: ArchDescriptor['emulator'] = {
  program: 'qemu-system-ppc64',
  userProgram: 'qemu-ppc64',
  debianPackage: 'qemu-system-ppc',
  machine: 'pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off',
  console: 'hvc0',
  memory: { preset: 256 },
  virtio: 'pci',
  network: 'virtio-net-pci',
  arguments: ['-vga', 'none', '-global', 'virtio-net-pci.romfile='],
  commandLineLimit: 2048,
};

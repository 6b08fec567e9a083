import { describeArch } from '../src/inputs/arch.ts';

export const arch = describeArch({
  name: 'sh4',
  aliases: ['superh', 'sh'],
  summary: 'SuperH SH-4, 32 bit, little endian',
  bits: 32,
  byteOrder: 'little',
  triple: 'sh4-linux-musl',
  unameMachines: ['sh4', 'sh4a'],
  gcc: {
    configure: [
      // The kernel is compiled with -m4-nofpu, which gcc accepts only with this option.
      '--enable-incomplete-targets',
      // Otherwise gcc/config/sh/t-sh makes its only processor a multilib, and libstdc++ is installed into lib/!m4.
      '--with-multilib-list=',
    ],
  },
  musl: { arch: 'sh', loader: 'ld-musl-sh.so.1' },
  glibc: { loader: '/lib/ld-linux.so.2' },
  kernel: {
    arch: 'sh',
    goals: ['zImage'],
    image: 'arch/sh/boot/zImage',
    symbols: [
      'CPU_SUBTYPE_SH7751R',
      'MMU',
      'VSYSCALL',
      'SH_FPU',
      'SH_RTS7751R2D',
      'RTS7751R2D_PLUS',
      'FLATMEM_MANUAL',
      'MEMORY_START=0x0c000000',
      'SERIAL_SH_SCI',
      'SERIAL_SH_SCI_CONSOLE',
      'NET_VENDOR_REALTEK',
      '8139CP',
      'SCSI',
      'ATA',
      'ATA_SFF',
      'ATA_BMDMA',
      'PATA_PLATFORM',
      'BLK_DEV_SD',
    ],
    withoutGeneric: ['TIME_NS'],
    objtool: false,
    // arch/sh/boot/Makefile uses it to compute addresses.
    bash: true,
  },
  emulator: {
    program: 'qemu-system-sh4',
    userProgram: 'qemu-sh4',
    debianPackage: 'qemu-system-misc',
    machine: 'r2d',
    // Pasted lines that are longer lose characters: qemu drops input that the guest has not yet read from its serial
    // port (src/image-test/typist.ts).
    console: 'ttySC1',
    // All the memory that the board has, regardless of the emulator's option.
    memory: { preset: 64, limit: 64 },
    virtio: 'pci',
    // Only slots 0 to 3 have interrupts; the bridge is in the first, and the machine puts the network card into slot 2.
    virtioPlaces: [
      ...['addr=1.0,multifunction=on', 'addr=1.1', 'addr=1.2', 'addr=1.3'],
      ...['addr=1.4', 'addr=1.5', 'addr=1.6', 'addr=1.7'],
    ],
    network: 'rtl8139',
    // Otherwise the kernel moves the board's ports to addresses that fault, and traps the faults.
    kernelWords: ['noiotrap'],
    // The card's boot ROM is in a package that Debian only recommends; the console is the second serial port.
    arguments: ['-global', 'rtl8139.romfile=', '-serial', 'null', '-serial', 'mon:stdio'],
    commandLineLimit: 256,
    clockBy: 'command-line',
  },
});

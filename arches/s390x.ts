import { describeArch } from '../src/inputs/arch.ts';

export const arch = describeArch({
  name: 's390x',
  aliases: ['s390', 'zarch'],
  summary: '64-bit IBM Z, big endian',
  bits: 64,
  byteOrder: 'big',
  triple: 's390x-linux-musl',
  unameMachines: ['s390x'],
  gcc: { configure: ['--with-long-double-128'] },
  musl: { arch: 's390x', loader: 'ld-musl-s390x.so.1' },
  glibc: { loader: '/lib/ld64.so.1' },
  kernel: {
    arch: 's390',
    goals: ['bzImage'],
    image: 'arch/s390/boot/bzImage',
    symbols: [
      'MARCH_Z10',
      'SCLP_TTY',
      'SCLP_CONSOLE',
      'SCLP_VT220_TTY',
      'SCLP_VT220_CONSOLE',
      'S390_GUEST',
      'CCW',
    ],
    // The processor itself keeps the time; there are no clock chips.
    withoutGeneric: ['RTC_CLASS', 'RTC_HCTOSYS', 'RTC_INTF_DEV'],
    objtool: false,
  },
  emulator: {
    program: 'qemu-system-s390x',
    userProgram: 'qemu-s390x',
    debianPackage: 'qemu-system-misc',
    machine: 's390-ccw-virtio',
    console: 'ttysclp0',
    memory: { preset: 256 },
    virtio: 'ccw',
    network: 'virtio-net-ccw',
    networkBy: 'device',
    arguments: [],
    commandLineLimit: 4096,
    lacks: [
      {
        // Copying by MVC into a page that contained code invalidates only the translated code around the copy's first
        // byte, so a program loaded there may execute the previous code: in 5 of 21 runs of the test, g++ died or hung,
        // although its file reads correctly and runs elsewhere. Fixed in 10.0: "target/s390x: Fix MVC not always
        // invalidating translation blocks".
        facility: 'native-compiler',
        reason: 'qemu before 10.0 may run code of a program that lay in the same memory before',
        emulatorBefore: '10.0',
      },
    ],
  },
});

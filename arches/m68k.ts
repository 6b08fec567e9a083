import { describeArch } from '../src/inputs/arch.ts';

export const arch = describeArch({
  name: 'm68k',
  aliases: ['68k', 'mc68040'],
  summary: 'Motorola 68040, 32 bit, big endian',
  bits: 32,
  byteOrder: 'big',
  triple: 'm68k-linux-musl',
  unameMachines: ['m68k'],
  gcc: {
    // Processors before the 68040 compute doubles in extended precision and round twice. Code tuned for the 68040
    // itself converts a long double to an integer by __fixxfsi of libgcc/config/m68k/fpgnulib.c, whose result is twice
    // the right one in gcc 14.2.0. The 68060 has an instruction for that, fintrz, which a 68040's kernel emulates if
    // the processor lacks it; a 68040 has all its other instructions.
    configure: ['--with-cpu=m68060'],
    // libgcc/config/m68k/t-slibgcc-elf-ver
    libgccVersion: 2,
  },
  musl: { arch: 'm68k', loader: 'ld-musl-m68k.so.1' },
  glibc: { loader: '/lib/ld.so.1' },
  kernel: {
    arch: 'm68k',
    goals: ['vmlinux'],
    image: 'vmlinux',
    // VIRT selects terminal, timer and clock of the machine.
    symbols: ['MMU', 'VIRT'],
    withoutGeneric: ['TIME_NS', 'PERF_EVENTS', 'SECCOMP', 'SECCOMP_FILTER'],
    // Commit 6baaade15594, "m68k: Add kernel seccomp support".
    since: [{ version: '6.3', withoutGeneric: ['TIME_NS', 'PERF_EVENTS'] }],
    objtool: false,
  },
  emulator: {
    program: 'qemu-system-m68k',
    userProgram: 'qemu-m68k',
    debianPackage: 'qemu-system-misc',
    machine: 'virt',
    console: 'ttyGF0',
    memory: { preset: 256, limit: 3319 },
    virtio: 'device',
    network: 'virtio-net-device',
    networkBy: 'device',
    arguments: [],
    commandLineLimit: 256,
  },
});

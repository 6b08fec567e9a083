import { describeArch } from '../src/inputs/arch.ts';
import { pcEmulator, pcKernel, pcLacks } from './families/x86.ts';

export const arch = describeArch({
  name: 'i686',
  aliases: ['i386', 'x86'],
  summary: '32-bit x86 from the Pentium Pro on',
  bits: 32,
  byteOrder: 'little',
  triple: 'i686-linux-musl',
  unameMachines: ['i686'],
  runsOn: ['x86_64'],
  gcc: { configure: [] },
  musl: { arch: 'i386', loader: 'ld-musl-i386.so.1' },
  glibc: { loader: '/lib/ld-linux.so.2' },
  kernel: {
    ...pcKernel,
    // Without HIGHMEM4G the kernel leaves everything above 880 MiB unused.
    symbols: ['64BIT=n', 'M686', 'HIGHMEM4G', ...pcKernel.symbols],
    objtool: false,
  },
  emulator: {
    ...pcEmulator,
    program: 'qemu-system-i386',
    userProgram: 'qemu-i386',
    cpu: 'pentium3',
    // The machine puts memory beyond 3 GiB above 4 GiB, which a kernel without PAE cannot reach.
    memory: { preset: 256, limit: 3072 },
    lacks: pcLacks,
  },
});

import { describeArch } from '../src/inputs/arch.ts';
import { pcEmulator, pcKernel } from './families/x86.ts';

export const arch = describeArch({
  name: 'x86_64',
  aliases: ['amd64', 'x86-64'],
  summary: '64-bit x86',
  bits: 64,
  byteOrder: 'little',
  triple: 'x86_64-linux-musl',
  unameMachines: ['x86_64'],
  runsOn: ['x86_64'],
  gcc: { configure: [] },
  musl: { arch: 'x86_64', loader: 'ld-musl-x86_64.so.1' },
  glibc: { loader: '/lib64/ld-linux-x86-64.so.2' },
  kernel: { ...pcKernel, symbols: ['64BIT', ...pcKernel.symbols], objtool: true },
  emulator: {
    ...pcEmulator,
    program: 'qemu-system-x86_64',
    userProgram: 'qemu-x86_64',
    memory: { preset: 256 },
  },
});

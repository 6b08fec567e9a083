import { describeArch } from '../src/inputs/arch.ts';
import { pSeriesEmulator, pSeriesKernel } from './families/powerpc.ts';

export const arch = describeArch({
  name: 'powerpc64',
  aliases: ['ppc64'],
  summary: '64-bit PowerPC (ELFv2), big endian',
  bits: 64,
  byteOrder: 'big',
  triple: 'powerpc64-linux-musl',
  unameMachines: ['ppc64'],
  // musl supports no other ABI, and gcc's default for this byte order is the older one.
  gcc: { configure: ['--with-abi=elfv2'] },
  musl: { arch: 'powerpc64', loader: 'ld-musl-powerpc64.so.1' },
  // No glibc: it has big-endian powerpc64 with the older ABI alone.
  kernel: { ...pSeriesKernel, symbols: ['CPU_BIG_ENDIAN', ...pSeriesKernel.symbols] },
  emulator: pSeriesEmulator,
});

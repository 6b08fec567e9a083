import { describeArch } from '../src/inputs/arch.ts';
import { powerMacEmulator, powerMacKernel } from './families/powerpc.ts';

export const arch = describeArch({
  name: 'powerpc',
  aliases: ['ppc', 'ppc32'],
  summary: '32-bit PowerPC, big endian',
  bits: 32,
  byteOrder: 'big',
  triple: 'powerpc-linux-musl',
  unameMachines: ['ppc'],
  gcc: { configure: [] },
  musl: { arch: 'powerpc', loader: 'ld-musl-powerpc.so.1' },
  glibc: { loader: '/lib/ld.so.1' },
  kernel: powerMacKernel,
  emulator: powerMacEmulator,
});

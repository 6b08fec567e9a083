import { describeArch } from '../src/inputs/arch.ts';
import { maltaEmulator, maltaKernel, mips32 } from './families/mips.ts';

export const arch = describeArch({
  ...mips32,
  name: 'mips',
  aliases: ['mipsbe'],
  summary: '32-bit MIPS (MIPS32 release 2, o32), big endian',
  byteOrder: 'big',
  triple: 'mips-linux-musl',
  musl: { arch: 'mips', loader: 'ld-musl-mips.so.1' },
  glibc: { loader: '/lib/ld.so.1' },
  kernel: { ...maltaKernel, symbols: ['CPU_MIPS32_R2', 'CPU_BIG_ENDIAN', ...maltaKernel.symbols] },
  emulator: { ...maltaEmulator, program: 'qemu-system-mips', userProgram: 'qemu-mips' },
});

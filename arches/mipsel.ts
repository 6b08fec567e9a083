import { describeArch } from '../src/inputs/arch.ts';
import { maltaEmulator, maltaKernel, mips32 } from './families/mips.ts';

export const arch = describeArch({
  ...mips32,
  name: 'mipsel',
  aliases: ['mipsle'],
  summary: '32-bit MIPS (MIPS32 release 2, o32), little endian',
  byteOrder: 'little',
  triple: 'mipsel-linux-musl',
  musl: { arch: 'mips', loader: 'ld-musl-mipsel.so.1' },
  glibc: { loader: '/lib/ld.so.1' },
  kernel: { ...maltaKernel, symbols: ['CPU_MIPS32_R2', 'CPU_LITTLE_ENDIAN', ...maltaKernel.symbols] },
  emulator: { ...maltaEmulator, program: 'qemu-system-mipsel', userProgram: 'qemu-mipsel' },
});

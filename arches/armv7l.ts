import { describeArch } from '../src/inputs/arch.ts';
import { hardFloatArm, virtArmEmulator, virtArmKernel } from './families/arm.ts';

export const arch = describeArch({
  ...hardFloatArm,
  name: 'armv7l',
  aliases: ['armv7', 'armhf', 'armv7a'],
  summary: '32-bit ARM with floating-point unit (ARMv7-A), little endian',
  triple: 'armv7l-linux-musleabihf',
  unameMachines: ['armv7l', 'armv8l'],
  gcc: { configure: ['--with-arch=armv7-a', '--with-fpu=vfpv3-d16', '--with-float=hard'] },
  kernel: virtArmKernel,
  emulator: virtArmEmulator,
});

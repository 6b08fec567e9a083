import { describeArch } from '../src/inputs/arch.ts';
import { softFloatArm, versatileEmulator, versatileKernel } from './families/arm.ts';

export const arch = describeArch({
  ...softFloatArm,
  name: 'armv5l',
  aliases: ['armv5', 'arm926', 'armel'],
  summary: '32-bit ARM without floating-point unit (ARMv5TE), little endian',
  triple: 'armv5l-linux-musleabi',
  unameMachines: ['armv5tel', 'armv5tejl'],
  runsOn: ['armv7l'],
  gcc: { configure: ['--with-arch=armv5te', '--with-float=soft'] },
  kernel: versatileKernel,
  emulator: versatileEmulator,
});

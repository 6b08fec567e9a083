/**
 * Baserock's names of architectures, and the arch of ours whose programs are the same. armv7l is not among them: Baserock means
 * soft floating point by it, for which there is no descriptor.
 */
export const baserockArches: Readonly<Record<string, string>> = {
  armv5l: 'armv5l',
  armv7lhf: 'armv7l',
  armv8l64: 'aarch64',
  mips32b: 'mips',
  mips32l: 'mipsel',
  ppc64: 'powerpc64',
  x86_32: 'i686',
  x86_64: 'x86_64',
};

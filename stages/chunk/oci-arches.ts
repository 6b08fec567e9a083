/** Names of processors in the image format of the Open Container Initiative, which are those of the language Go. */
export const ociArches: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  aarch64: ['arm64', 'v8'],
  armv5l: ['arm', 'v5'],
  armv7l: ['arm', 'v7'],
  i686: ['386'],
  mips: ['mips'],
  mipsel: ['mipsle'],
  powerpc64: ['ppc64'],
  riscv64: ['riscv64'],
  s390x: ['s390x'],
  x86_64: ['amd64'],
};

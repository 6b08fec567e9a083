/**
 * Debian 12's emulator packages, by the last part of the program's name. Undefined there: the package with all others.
 */
const emulatorPackages: Readonly<Record<string, string>> = {
  aarch64: 'qemu-system-arm',
  arm: 'qemu-system-arm',
  i386: 'qemu-system-x86',
  x86_64: 'qemu-system-x86',
  mips: 'qemu-system-mips',
  mips64: 'qemu-system-mips',
  mips64el: 'qemu-system-mips',
  mipsel: 'qemu-system-mips',
  ppc: 'qemu-system-ppc',
  ppc64: 'qemu-system-ppc',
  sparc: 'qemu-system-sparc',
  sparc64: 'qemu-system-sparc',
};

/** Debian package of an emulator. */
export function emulatorPackage(program: string): string {
  return emulatorPackages[program.replace(/^qemu-system-/, '')] ?? 'qemu-system-misc';
}

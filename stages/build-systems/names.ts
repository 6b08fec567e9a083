import type { Arch } from '../../src/inputs/arch.ts';

/** The processor as configure scripts, cmake (CMAKE_SYSTEM_PROCESSOR) and meson (cpu) call it: what the triple begins with. */
export function processor({ triple }: Pick<Arch, 'triple'>): string {
  return triple.slice(0, triple.indexOf('-'));
}

/** Names of the emulator for single programs, as Debian's packages qemu-user and qemu-user-static have it. Empty: there is none. */
export function userEmulators({ emulator }: Pick<Arch, 'emulator'>): readonly string[] {
  const { userProgram } = emulator;
  return userProgram === undefined ? [] : [userProgram, `${userProgram}-static`];
}

/** Lines of shell after which \$top is the directory that the tarball unpacks to, for a script in its bin. */
export const findTop = `self=$(readlink -f "$0") || exit
top=\${self%/bin/*}`;

/** Lines of shell that take a first argument --sysroot=DIR, after which \$sysroot is it, \$CROSS_SYSROOT, or empty. */
export const takeSysroot = `sysroot=\${CROSS_SYSROOT-}
case \${1-} in
  --sysroot=*)
    sysroot=\${1#--sysroot=}
    shift
    ;;
esac
case $sysroot in
  '' | /*) ;;
  *)
    echo "\${0##*/}: the sysroot must be an absolute path, and is $sysroot" >&2
    exit 1
    ;;
esac`;

/** A condition in shell: whether the machine has one of these programs; \$emulator is the first. */
export function findEmulator(names: readonly string[]): string {
  return names.map((name) => `emulator=$(command -v ${name})`).join(' || ');
}

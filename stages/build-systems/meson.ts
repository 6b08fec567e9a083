import type { Arch } from '../../src/inputs/arch.ts';
import { muslArches } from '../../src/inputs/musl-arches.ts';
import { sysrootDirectory } from '../compiler.ts';
import { findEmulator, findTop, processor, takeSysroot, userEmulators } from './names.ts';
import { pkgConfigDirectories } from './pkg-config.ts';

/**
 * `<triple>-meson-cross`: prints a cross file. Meson 1.0 knows no way to write "beside this file" in one, and none
 * knows a way to write "if there is an emulator": so the file is made by a script, when it is wanted.
 */
export function mesonCross(target: Arch): string {
  const { name, triple, byteOrder, musl } = target;
  const emulators = userEmulators(target);
  const family = muslArches.get(musl.arch)?.mesonFamily ?? musl.arch;
  return `#!/bin/sh
# Prints a cross file with which meson builds for ${name} with this compiler:
#
#   ${triple}-meson-cross >cross.ini
#   meson setup build --cross-file cross.ini
#
# It holds absolute paths: make it again when the compiler was moved. --sysroot=DIR as its argument, or CROSS_SYSROOT=DIR in the
# environment, takes headers and libraries from DIR instead of the compiler's own sysroot.
${findTop}
${takeSysroot}

# The text as a string of meson's, which knows no escapes in these files.
string() {
  case $1 in
    *"'"*) printf "'''%s'''" "$1" ;;
    *) printf "'%s'" "$1" ;;
  esac
}

bin=$(string "$top/bin/${triple}-")
option=
if [ -n "$sysroot" ]; then option=", $(string "--sysroot=$sysroot")"; fi
root=$(string "\${sysroot:-$top/${sysrootDirectory(target)}}")

cat <<end
[constants]
bin = $bin
root = $root

[binaries]
c = [bin + 'gcc'$option]
cpp = [bin + 'g++'$option]
ar = bin + 'ar'
nm = bin + 'nm'
ranlib = bin + 'ranlib'
strip = bin + 'strip'
objcopy = bin + 'objcopy'
objdump = bin + 'objdump'
readelf = bin + 'readelf'
# Meson 1.0 knows only the first of these names; later releases prefer the second.
pkgconfig = bin + 'pkg-config'
pkg-config = bin + 'pkg-config'
end
${
  emulators.length === 0
    ? ''
    : `if ${findEmulator(emulators)} >/dev/null; then echo "exe_wrapper = [bin + 'run', '--sysroot=' + root]"; fi
`
}cat <<end

[properties]
needs_exe_wrapper = true
sys_root = root
pkg_config_libdir = [${pkgConfigDirectories.map((directory) => `root + '/${directory}'`).join(', ')}]

[host_machine]
system = 'linux'
cpu_family = '${family}'
cpu = '${processor(target)}'
endian = '${byteOrder}'
end
`;
}

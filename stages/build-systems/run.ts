import type { Arch } from '../../src/inputs/arch.ts';
import { sysrootDirectory } from '../compiler.ts';
import { findEmulator, findTop, takeSysroot, userEmulators } from './names.ts';

/** `<triple>-run`: a program for the target in the emulator for single programs. Undefined: there is none. */
export function runScript(target: Arch): string | undefined {
  const emulators = userEmulators(target);
  if (emulators.length === 0) return undefined;
  return `#!/bin/sh
# Runs a program for ${target.name} on this machine, in qemu's emulator for single programs (on Debian: apt install qemu-user), with
# the libraries of this compiler:
#
#   ${target.triple}-run [--sysroot=DIR] PROGRAM [ARGUMENT...]
#
# --sysroot=DIR, or CROSS_SYSROOT=DIR in the environment, takes the C library and others from DIR instead of the compiler's own
# sysroot.
${findTop}
${takeSysroot}

if ! { ${findEmulator(emulators)}; }; then
  echo "\${0##*/}: ${emulators[0] ?? ''} is not installed; on Debian: apt install qemu-user" >&2
  exit 127
fi

# libstdc++ and libgcc_s lie beside the sysroot. A variable for the program, not for the emulator, which may need other libraries.
libraries=$top/${target.triple}/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
case $libraries in
  # -E takes a list.
  *,*) export LD_LIBRARY_PATH="$libraries" ;;
  *) set -- -E "LD_LIBRARY_PATH=$libraries" "$@" ;;
esac
exec "$emulator" -L "\${sysroot:-$top/${sysrootDirectory(target)}}" "$@"
`;
}

import type { Arch } from '../../src/inputs/arch.ts';
import { sysrootDirectory } from '../compiler.ts';
import { findTop } from './names.ts';

/** Where .pc files lie in a sysroot, in the order in which they are looked for. */
export const pkgConfigDirectories = [
  'usr/local/lib/pkgconfig',
  'usr/local/share/pkgconfig',
  'usr/lib/pkgconfig',
  'usr/share/pkgconfig',
] as const;

/** The same as one text for PKG_CONFIG_LIBDIR; `root` as shell writes it. */
export function pkgConfigPath(root: string): string {
  return pkgConfigDirectories.map((directory) => `${root}/${directory}`).join(':');
}

/** `<triple>-pkg-config`: the machine's pkg-config, with the .pc files of a sysroot and none of the machine's. */
export function pkgConfig(target: Arch): string {
  return `#!/bin/sh
# pkg-config for ${target.name}: knows the packages of a sysroot, and none of this machine. The sysroot is that of this compiler, or
# the one that PKG_CONFIG_SYSROOT_DIR or CROSS_SYSROOT names. PKG_CONFIG_LIBDIR is kept when it is set; of PKG_CONFIG_PATH, what
# lies in the sysroot.
${findTop}

root=\${PKG_CONFIG_SYSROOT_DIR:-\${CROSS_SYSROOT:-$top/${sysrootDirectory(target)}}}
root=\${root%/}
inside=
set -f
IFS=:
for directory in \${PKG_CONFIG_PATH-}; do
  case $directory in "$root"/*) inside=\${inside:+$inside:}$directory ;; esac
done
unset IFS
set +f

export PKG_CONFIG_PATH="$inside"
export PKG_CONFIG_LIBDIR="\${PKG_CONFIG_LIBDIR:-${pkgConfigPath('$root')}}"

program=
for name in pkgconf pkg-config; do
  # This script may have been given one of the names itself.
  if found=$(command -v $name) && [ "$(readlink -f "$found")" != "$self" ]; then program=\${program:-$found}; fi
done
if [ -z "$program" ]; then
  echo "\${0##*/}: this machine has no pkg-config" >&2
  exit 127
fi

case $root in
  *[!A-Za-z0-9_/.,:=+@%-]*) ;;
  *)
    export PKG_CONFIG_SYSROOT_DIR="$root"
    exec "$program" "$@"
    ;;
esac

# With a space in that variable pkgconf 1.8 prints nonsense. Another directory stands for the sysroot, and becomes it in the answer,
# with a backslash before whatever shells read; a variable's value has none.
export PKG_CONFIG_SYSROOT_DIR=/instead-of-the-sysroot
# pkgconf 2 leaves packages alone that are not in the sysroot.
export PKG_CONFIG_PKGCONF1_SYSROOT_RULES=1
answer=$("$program" "$@") || exit
escaped=$root
case " $*" in
  *' --variable'*) ;;
  *) escaped=$(printf '%s\\n' "$root" | sed 's,[^A-Za-z0-9_/.,:=+@%-],\\\\&,g') ;;
esac
escaped=$(printf '%s\\n' "$escaped" | sed 's,[\\\\&|],\\\\&,g')
[ -z "$answer" ] || printf '%s\\n' "$answer" | sed "s|/instead-of-the-sysroot|$escaped|g"
`;
}

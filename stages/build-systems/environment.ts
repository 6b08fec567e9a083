import { quoteWord } from '../../src/core/shell-word.ts';
import type { Arch } from '../../src/inputs/arch.ts';
import { sysrootDirectory } from '../compiler.ts';
import { pkgConfigPath } from './pkg-config.ts';

/** Programs that are named by variables of their own; those that read a sysroot of the user's are told of it. */
const programs = [
  ['CC', 'gcc', true],
  ['CXX', 'g++', true],
  ['CPP', 'cpp', true],
  ['LD', 'ld', true],
  ['AS', 'as', false],
  ['AR', 'ar', false],
  ['NM', 'nm', false],
  ['RANLIB', 'ranlib', false],
  ['STRIP', 'strip', false],
  ['OBJCOPY', 'objcopy', false],
  ['OBJDUMP', 'objdump', false],
  ['READELF', 'readelf', false],
] as const;

/**
 * What configure scripts cannot find out without running a program, and guess so wrongly that the program does not link:
 * autoconf before 2.72 takes a C library that it does not know for one whose malloc(0) is NULL.
 */
const answers = [
  'ac_cv_func_malloc_0_nonnull',
  'ac_cv_func_calloc_0_nonnull',
  'ac_cv_func_realloc_0_nonnull',
] as const;

/** `environment-setup`: read by a shell, sets the variables by which build systems know a compiler. */
export function environmentSetup(target: Arch): string {
  const { name, triple, kernel } = target;
  return `# Makes a shell cross compile for ${name}:
#
#   . "/where/you/unpacked/environment-setup"
#
# CROSS_SYSROOT=DIR, set before, takes headers and libraries from DIR instead of the compiler's own sysroot. All variables are set
# anew each time. What it sets:
#
#   PATH CROSS_COMPILE ARCH ${programs.map(([variable]) => variable).join(' ')}
#   PKG_CONFIG PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR CONFIGURE_FLAGS CMAKE_TOOLCHAIN_FILE, and answers for configure scripts

# Ends with a message, and leaves nothing of this script's own behind.
_toolchain_end() {
  unset _toolchain _toolchain_pid _toolchain_rest _toolchain_file _toolchain_sysroot _toolchain_option
  unset -f _toolchain_end
  if [ $# -gt 0 ]; then echo "environment-setup: $1" >&2; fi
}

_toolchain=
if [ -n "\${BASH_SOURCE-}" ]; then
  _toolchain=$(readlink -f "$BASH_SOURCE")
elif [ -n "\${ZSH_VERSION-}" ]; then
  eval '_toolchain=$(readlink -f "\${(%):-%x}")'
else
  # Other shells do not say which file they read, but have it open. Not $$, which in a subshell is the shell above it.
  read -r _toolchain_pid _toolchain_rest </proc/self/stat
  for _toolchain_file in "/proc/$_toolchain_pid/fd"/*; do
    _toolchain_file=$(readlink "$_toolchain_file") || continue
    case $_toolchain_file in */environment-setup) _toolchain=$_toolchain_file ;; esac
  done
fi
_toolchain=\${_toolchain%/*}
_toolchain_sysroot=\${CROSS_SYSROOT:-$_toolchain/${sysrootDirectory(target)}}

if [ ! -e "$_toolchain/bin/${triple}-gcc" ]; then
  _toolchain_end "cannot find the compiler that it belongs to"
  return 1
fi
case $_toolchain in *:*)
  _toolchain_end "PATH cannot hold $_toolchain/bin, with a colon in it"
  return 1
  ;;
esac
_toolchain_option=
if [ -n "\${CROSS_SYSROOT-}" ]; then
  case $CROSS_SYSROOT in
    *[[:space:]\\'\\"\\\\\\$\\\`\\;\\&\\|\\<\\>\\(\\)\\*\\?\\[\\#]*)
      _toolchain_end "CC cannot hold CROSS_SYSROOT=$CROSS_SYSROOT, with a space or another character that shells read: make a link to that directory"
      return 1
      ;;
    /*) ;;
    *)
      _toolchain_end "CROSS_SYSROOT must be an absolute path, and is $CROSS_SYSROOT"
      return 1
      ;;
  esac
  export CROSS_SYSROOT
  _toolchain_option=" --sysroot=$CROSS_SYSROOT"
fi

case :$PATH: in
  *:"$_toolchain/bin":*) ;;
  *) export PATH="$_toolchain/bin:$PATH" ;;
esac
export CROSS_COMPILE=${triple}-
export ARCH=${quoteWord(kernel.arch)}
${programs.map(([variable, program, option]) => `export ${variable}="${triple}-${program}${option ? '$_toolchain_option' : ''}"`).join('\n')}
export PKG_CONFIG=${triple}-pkg-config
# For makefiles that call pkg-config by its plain name, too.
export PKG_CONFIG_SYSROOT_DIR="$_toolchain_sysroot"
export PKG_CONFIG_LIBDIR="${pkgConfigPath('$_toolchain_sysroot')}"
unset PKG_CONFIG_PATH
export CONFIGURE_FLAGS=--host=${triple}
export CMAKE_TOOLCHAIN_FILE="$_toolchain/toolchain.cmake"
# What a configure script cannot try, and older ones guess wrongly.
${answers.map((answer) => `export ${answer}=yes`).join('\n')}

_toolchain_end
`;
}

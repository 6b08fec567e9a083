import type { Arch } from '../../src/inputs/arch.ts';
import { sysrootDirectory } from '../compiler.ts';
import { processor, userEmulators } from './names.ts';

/** `toolchain.cmake`: cmake finds everything from where this file lies, and reads it again whenever it configures. */
export function cmakeToolchain(target: Arch): string {
  const { name, triple } = target;
  return `# CMake builds for ${name} with this compiler:
#
#   cmake -S . -B build -DCMAKE_TOOLCHAIN_FILE=/where/you/unpacked/toolchain.cmake
#
# Headers, libraries and packages come from the sysroot alone: that of this compiler, or the one that -DCMAKE_SYSROOT=DIR
# or, in the environment, CROSS_SYSROOT names. Programs that run while building are those of this machine.

get_filename_component(_toolchain_file "\${CMAKE_CURRENT_LIST_FILE}" REALPATH)
get_filename_component(_toolchain "\${_toolchain_file}" DIRECTORY)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${processor(target)})

if(NOT CMAKE_SYSROOT)
  if(NOT "$ENV{CROSS_SYSROOT}" STREQUAL "")
    # In the cache, because cmake configures again when the variable may be gone.
    set(CMAKE_SYSROOT "$ENV{CROSS_SYSROOT}" CACHE PATH "Headers and libraries for ${name}")
  else()
    set(CMAKE_SYSROOT "\${_toolchain}/${sysrootDirectory(target)}")
  endif()
endif()
if(NOT IS_ABSOLUTE "\${CMAKE_SYSROOT}" OR NOT IS_DIRECTORY "\${CMAKE_SYSROOT}")
  message(FATAL_ERROR "The sysroot must be the absolute path of a directory, and is \${CMAKE_SYSROOT}")
endif()

set(CMAKE_C_COMPILER "\${_toolchain}/bin/${triple}-gcc")
set(CMAKE_CXX_COMPILER "\${_toolchain}/bin/${triple}-g++")

foreach(_toolchain_kind LIBRARY INCLUDE PACKAGE)
  if(NOT DEFINED CMAKE_FIND_ROOT_PATH_MODE_\${_toolchain_kind})
    set(CMAKE_FIND_ROOT_PATH_MODE_\${_toolchain_kind} ONLY)
  endif()
endforeach()
if(NOT DEFINED CMAKE_FIND_ROOT_PATH_MODE_PROGRAM)
  set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
endif()

set(PKG_CONFIG_EXECUTABLE "\${_toolchain}/bin/${triple}-pkg-config" CACHE FILEPATH "pkg-config for ${name}")
if(NOT "$ENV{PKG_CONFIG_SYSROOT_DIR}" STREQUAL "\${CMAKE_SYSROOT}")
  set(ENV{PKG_CONFIG_SYSROOT_DIR} "\${CMAKE_SYSROOT}")
  # Of another sysroot.
  unset(ENV{PKG_CONFIG_LIBDIR})
endif()
${emulatorPart(target)}`;
}

/** Tests and try_run go through the emulator for single programs where the machine has it. */
function emulatorPart(target: Arch): string {
  const emulators = userEmulators(target);
  if (emulators.length === 0) return '';
  return `
# With qemu on this machine, programs for ${target.name} run here: in try_run, custom commands and tests.
if(NOT DEFINED CMAKE_CROSSCOMPILING_EMULATOR)
  find_program(CROSS_EMULATOR NAMES ${emulators.join(' ')} DOC "Emulator for single programs")
  mark_as_advanced(CROSS_EMULATOR)
  if(CROSS_EMULATOR)
    set(CMAKE_CROSSCOMPILING_EMULATOR "\${_toolchain}/bin/${target.triple}-run" "--sysroot=\${CMAKE_SYSROOT}")
  endif()
endif()
`;
}

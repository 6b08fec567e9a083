import { quoteWord } from '../src/core/shell-word.ts';
import { attachments, imageFiles } from '../src/image/emulator.ts';
import { sysrootDirectory } from './compiler.ts';
import { imageKindSpecs, type ImageKind } from './image-kinds.ts';
import { source, type PlanInputs } from './inputs.ts';
import { toolchainMountPoint } from './root-layout.ts';
import type { Toolchain } from './toolchain.ts';

/** `gcc 14.2.0`, by the lock. */
function versioned(inputs: PlanInputs, names: readonly string[]): string {
  return names.map((name) => `${name} ${source(inputs, name).version}`).join(', ');
}

const licenceNote = 'The licence texts of everything inside are in licenses/.';

export function crossCompilerReadme(inputs: PlanInputs): string {
  const { target, host } = inputs;
  const short = `${target.name}-gcc`;
  return `C and C++ compiler that runs on ${host.name} and builds for ${target.name} (${target.triple}).

Made of ${versioned(inputs, ['gcc', 'binutils', 'musl'])} and the interface headers of ${versioned(inputs, ['linux'])}.
Its programs are statically linked and find their parts relative to themselves: unpack it anywhere, move it,
call it through links or put its bin directory into PATH. It takes no header and no library of the machine
that it runs on, and ignores CPATH, LIBRARY_PATH and the other variables that would add some.

    bin/${short} hello.c -o hello             for a ${target.name} system with musl's libc
    bin/${short} -static hello.c -o hello     for any Linux on ${target.name}
    bin/${target.name}-g++ hello.cc -o hello

Every tool has a short name and its whole one: ${short}, ${target.triple}-gcc.

The Linux kernel, from its source directory:

    make ${quoteWord(`ARCH=${target.kernel.arch}`)} CROSS_COMPILE=/where/you/unpacked/bin/${target.triple}-

Programs with a configure script, in a shell (sh, bash, zsh and the like):

    . "/where/you/unpacked/environment-setup"
    ./configure $CONFIGURE_FLAGS

It puts the bin directory into PATH, sets CC, CXX, PKG_CONFIG, CROSS_COMPILE and the like, and answers what a configure script
can only guess without running a program. --host=${target.triple} is all that most scripts need, with bin in PATH.

Programs that cmake builds:

    cmake -S . -B build -DCMAKE_TOOLCHAIN_FILE=/where/you/unpacked/toolchain.cmake

after environment-setup, cmake 3.21 and later needs no such option.

Programs that meson builds:

    /where/you/unpacked/bin/${target.name}-meson-cross >cross.ini
    meson setup build --cross-file cross.ini

The cross file is made on the spot because it has to say where the compiler lies, and whether there is an emulator: make it again
when the compiler was moved.

bin/${target.name}-pkg-config knows the packages of the sysroot, and none of this machine; it needs pkg-config.
${runNote(inputs)}
Libraries that you build go into a sysroot: make a copy of ${sysrootDirectory(target)}, install into it (make install DESTDIR=/my/sysroot,
with the prefix /usr), and name it

    CROSS_SYSROOT=/my/sysroot           in the environment, before the lines above: all of them honour it
    -DCMAKE_SYSROOT=/my/sysroot         for cmake
    --sysroot=/my/sysroot               for gcc, g++, ${target.name}-meson-cross${target.emulator.userProgram === undefined ? '' : ` and ${target.name}-run`}
    PKG_CONFIG_SYSROOT_DIR=/my/sysroot  for ${target.name}-pkg-config

Whether programs are static is your choice: LDFLAGS=-static for configure and cmake, -Dc_link_args=-static for meson, and
pkg-config's --static (meson: -Dprefer_static=true). Build the libraries in the sysroot static too, since cmake prefers shared ones.

Folders can have spaces in their names, with one exception: CC, as environment-setup sets it, cannot hold a sysroot of yours that
has one. Make a link to it. cmake can work with no folder that has a double quote in its name.

Variables that the drivers honour:

    CCWRAP_TOPDIR          another directory with include and lib of a C library, to be used in the place of musl's; or
                           with another compiler of this release, to be used in the place of this one
    CCWRAP_DYNAMIC_LINKER  path of the dynamic loader that is written into dynamic programs
    CCWRAP_DEBUG           set to 1, print what is executed

bin/distccd (distcc ${source(inputs, 'distcc').version}) serves this compiler to a guest of the release's system image, whose
dev-environment.sh starts and ends it: the guest's gcc and g++ then have most of their work done here.

${licenceNote}
`;
}

/** What runs the target's programs on the machine that compiles. */
function runNote({ target: { name, emulator } }: PlanInputs): string {
  const { userProgram } = emulator;
  if (userProgram === undefined) return '';
  return `
bin/${name}-run PROGRAM runs a program for ${name} here, static or dynamic, in ${userProgram} (on Debian: apt install qemu-user).
With it, cmake and meson run tests of the program that they build.
`;
}

export function nativeCompilerReadme(inputs: PlanInputs, programs: readonly string[]): string {
  const { target } = inputs;
  return `C and C++ compiler that runs on ${target.name} and builds for ${target.name} (${target.triple}).

Made of ${versioned(inputs, ['gcc', 'binutils', 'musl', ...programs])} and the interface headers of
${versioned(inputs, ['linux'])}. Its programs are statically linked and find their parts relative to themselves:
unpack it anywhere on a ${target.name} system and put its bin directory in front of PATH.

    bin/gcc hello.c -o hello
    bin/g++ hello.cc -o hello

Programs that it links dynamically are started by /lib/${target.musl.loader}, which the root filesystem of this
release has, with libgcc_s and libstdc++; -static makes programs that need neither.

The system image has this compiler as ${imageFiles.toolchain} and mounts it at /${toolchainMountPoint}.

With the directory distcc in front of bin in PATH, and DISTCC_HOSTS set, gcc and g++ have most of their work done by distcc
servers (the cross compiler of this release brings one), and do it themselves where none answers.

The Linux kernel, from its source directory:

    make ${quoteWord(`ARCH=${target.kernel.arch}`)} CROSS_COMPILE=

${licenceNote}
`;
}

const overlayNote =
  'Files of an overlay were laid over it, whose digest the manifest of the release names.\n';

/** What was compiled by somebody else's compiler, and what that means for programs and licences. */
function toolchainNote({ target }: PlanInputs, { name, version, digest, musl }: Toolchain): string {
  return `Compiled by a toolchain from elsewhere, ${name}, which says of itself:

    ${version}

The digest of its files is ${digest}. The programs hold
parts of its C library and of its libgcc, whose licence texts are not in licenses/. ${
    musl
      ? `The dynamic loader and the\nshared libraries are those of the toolchain.`
      : `There is no dynamic loader and no\nshared library here: what is to run on this ${target.name} system has to be linked with -static.`
  }
`;
}

/** What the root filesystem has for dynamic programs. */
function loaderNote(inputs: PlanInputs, toolchain: Toolchain | undefined): string {
  const { target } = inputs;
  if (toolchain?.musl === false) return `and init.\n`;
  const loader = `init; and what dynamic programs\nneed: /lib/${target.musl.loader}`;
  return toolchain === undefined
    ? `${loader} (${versioned(inputs, ['musl'])}), libgcc_s and libstdc++ (${versioned(inputs, ['gcc'])}).\n`
    : `${loader}, and the libraries of gcc that the toolchain has.\n`;
}

export function rootFilesystemReadme(
  inputs: PlanInputs,
  overlay: boolean,
  toolchain: Toolchain | undefined,
): string {
  const { target } = inputs;
  return `Minimal root filesystem for ${target.name} (${target.triple}).

${versioned(inputs, ['busybox', 'toybox', 'bash', 'dropbear'])}, all statically linked; ${loaderNote(inputs, toolchain)}${overlay ? overlayNote : ''}${toolchain === undefined ? '' : `\n${toolchainNote(inputs, toolchain)}`}
Unpack it as root, so that owners and modes come out right, and use it as the root of a machine or of a chroot:

    chroot root-filesystem-${target.name} /bin/bash

/init mounts what a booting system needs, brings up the network of an emulator, sets the clock, mounts disks and
shared folders by their serial numbers and mount tags (its first lines list them), and starts a shell, or the program that
HANDOFF= on the kernel command line names.

This file and licenses/ are no part of the filesystem: remove them when you like.
${licenceNote}
`;
}

/** How compiling gets fast; goes on in a sentence. */
function developmentNote(target: string): string {
  return `, and distcc: with the
cross compiler of this release, cross-compiler-${target}-HOST, unpacked beside this directory, that does most of the compiling
when the guest calls gcc or g++`;
}

export function systemImageReadme(
  inputs: PlanInputs,
  options: {
    readonly withNative: boolean;
    readonly kind: ImageKind;
    readonly overlay: boolean;
    readonly toolchain?: Toolchain | undefined;
  },
): string {
  const { target } = inputs;
  const { withNative, toolchain } = options;
  const { disk, note } = imageKindSpecs[options.kind];
  const libraries = toolchain?.musl === false ? '' : ', shared libraries';
  const root = `root filesystem: busybox, toybox, bash${libraries}`;
  const { memory, program, debianPackage } = target.emulator;
  const lines = [
    [imageFiles.kernel, `Linux ${source(inputs, 'linux').version}`],
    ...(target.kernel.deviceTree === undefined ? [] : [[imageFiles.deviceTree, 'description of the board']]),
    ...(disk === undefined
      ? [[imageFiles.initramfs, root]]
      : [
          [disk.file, root],
          [imageFiles.initramfs, 'finds the root filesystem among the disks'],
        ]),
    ...(withNative ? [[imageFiles.toolchain, 'native compiler, gcc and g++, as squashfs']] : []),
    [imageFiles.script, 'boots all of it'],
    [imageFiles.environment, 'boots it as a place to work in'],
    [imageFiles.nativeBuild, 'builds unattended'],
  ] as const;
  return `Bootable ${target.name} system for ${program} (on Debian: apt install ${debianPackage}).

    ./${imageFiles.script}

starts it in this terminal and ends in a shell. Leaving the shell ends the emulator; so does Ctrl-A x.

${lines.map(([name, text]) => `    ${(name ?? '').padEnd(20)} ${text ?? ''}`).join('\n')}
${options.overlay ? `\n${overlayNote}` : ''}${toolchain === undefined ? '' : `\n${toolchainNote(inputs, toolchain)}`}${note}
Variables that the script honours:

    QEMU_MEMORY    MiB of memory (${memory.preset}${memory.limit === undefined ? '' : `; the board takes at most ${memory.limit}`})
    QEMU_EXTRA     further arguments for the emulator
    KERNEL_EXTRA   further words for the kernel command line

${attachments.map(({ variable, purpose }) => `    ${variable.padEnd(15)}${purpose}\n`).join('')}
HANDOFF=PROGRAM on the kernel command line runs that program instead of the shell:

    GUEST_SHARE=/some/dir KERNEL_EXTRA=HANDOFF=/share/program ./${imageFiles.script}

To work in the guest:

    ./${imageFiles.environment}

boots it with all the memory that it takes${withNative ? ',' : ' and'} a scratch disk on /home (${imageFiles.home}, made when there is none)${withNative ? developmentNote(target.name) : ''}. Its first lines tell more.

What the guest makes in a shared directory as root belongs to root there, and to you here: qemu keeps owners, modes and
device numbers beside the files, in .virtfs_metadata.

To build something unattended:

    ./${imageFiles.nativeBuild} DIRECTORY RESULTS

The guest has DIRECTORY on /mnt, runs its init, and what that leaves in /upload is in RESULTS afterwards; the exit status is
init's. The first lines of the script tell more.

The guest has the address 10.0.2.15 in a network of its own; the machine that runs the emulator is 10.0.2.2.
${withNative ? `The compiler is in PATH, as gcc and g++, at /${toolchainMountPoint}.\n` : ''}
${licenceNote}
`;
}

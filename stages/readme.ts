import { attachments, imageFiles } from '../src/inputs/emulator.ts';
import { source, type PlanInputs } from './inputs.ts';
import { toolchainMountPoint } from './root-filesystem.ts';

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

    make ARCH=${target.kernel.arch} CROSS_COMPILE=/where/you/unpacked/bin/${target.triple}-

Programs with a configure script:

    ./configure --host=${target.triple}

with the bin directory in PATH.

${licenceNote}
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

The Linux kernel, from its source directory:

    make ARCH=${target.kernel.arch} CROSS_COMPILE=

${licenceNote}
`;
}

export function rootFilesystemReadme(inputs: PlanInputs): string {
  const { target } = inputs;
  return `Minimal root filesystem for ${target.name} (${target.triple}).

${versioned(inputs, ['busybox', 'toybox', 'bash'])}, all statically linked; init; and what dynamic programs
need: /lib/${target.musl.loader} (${versioned(inputs, ['musl'])}), libgcc_s and libstdc++ (${versioned(inputs, ['gcc'])}).

Unpack it as root, so that owners and modes come out right, and use it as the root of a machine or of a chroot:

    chroot root-filesystem-${target.name} /bin/bash

/init mounts what a booting system needs, brings up the network of an emulator, sets the clock, mounts disks and
shared folders by their serial numbers and mount tags (its first lines list them), and starts a shell, or the program that
HANDOFF= on the kernel command line names.

This file and licenses/ are no part of the filesystem: remove them when you like.
${licenceNote}
`;
}

export function systemImageReadme(inputs: PlanInputs, withNative: boolean): string {
  const { target } = inputs;
  const { memory, program, debianPackage } = target.emulator;
  const lines = [
    [imageFiles.kernel, `Linux ${source(inputs, 'linux').version}`],
    ...(target.kernel.deviceTree === undefined ? [] : [[imageFiles.deviceTree, 'description of the board']]),
    [imageFiles.initramfs, 'root filesystem: busybox, toybox, bash, shared libraries'],
    ...(withNative ? [[imageFiles.toolchain, 'native compiler, gcc and g++, as squashfs']] : []),
    [imageFiles.script, 'boots all of it'],
  ] as const;
  return `Bootable ${target.name} system for ${program} (on Debian: apt install ${debianPackage}).

    ./${imageFiles.script}

starts it in this terminal and ends in a shell. Leaving the shell ends the emulator; so does Ctrl-A x.

${lines.map(([name, text]) => `    ${(name ?? '').padEnd(20)} ${text ?? ''}`).join('\n')}

Variables that the script honours:

    QEMU_MEMORY    MiB of memory (${memory.preset}${memory.limit === undefined ? '' : `; the board takes at most ${memory.limit}`})
    QEMU_EXTRA     further arguments for the emulator
    KERNEL_EXTRA   further words for the kernel command line

${attachments.map(({ variable, purpose }) => `    ${variable.padEnd(15)}${purpose}\n`).join('')}
HANDOFF=PROGRAM on the kernel command line runs that program in the place of the shell:

    GUEST_SHARE=/some/dir KERNEL_EXTRA=HANDOFF=/share/program ./${imageFiles.script}

What the guest makes in a shared directory as root belongs to root there, and to you here: qemu keeps owners, modes and
device numbers beside the files, in .virtfs_metadata.

The guest has the address 10.0.2.15 in a network of its own; the machine that runs the emulator is 10.0.2.2.
${withNative ? `The compiler is in PATH, as gcc and g++, at /${toolchainMountPoint}.\n` : ''}
${licenceNote}
`;
}

import { joinShell, sh, type ShellText } from '../core/shell-text.ts';
import type { Arch } from '../inputs/arch.ts';
import {
  attachmentsOf,
  attachmentWords,
  clockVariable,
  emulatorWords,
  imageFiles,
  kernelCommandLine,
  rootWords,
  rootWritableVariable,
  sshPortVariable,
  toolchainWords,
  type Attachment,
  type RootDisk,
  type Word,
} from './emulator.ts';

const nothing = sh``;

const shellVariables = {
  directory: sh`"$directory"`,
  directoryInOption: sh`"$directory_in_option"`,
  memory: sh`"$memory"`,
  commandLine: sh`"$command_line"`,
  networkOptions: sh`"$network_options"`,
  rootMode: sh`"$root_mode"`,
  placeInOption: sh`"$in_option"`,
} as const;

/** A word, quoted for a POSIX shell. */
function shellWord(word: Word): ShellText {
  return joinShell(
    word.map((part) => (typeof part === 'string' ? sh`${part}` : shellVariables[part.setting])),
  );
}

/** Options and their values, one option per line. */
function shellArguments(words: readonly Word[], between: ' \\\n  ' | ' \\\n    '): ShellText {
  const options: ShellText[][] = [];
  for (const text of words.map(shellWord)) {
    const last = options.at(-1);
    if (last === undefined || text.text.startsWith('-')) options.push([text]);
    else last.push(text);
  }
  return joinShell(
    options.map((option) => joinShell(option, ' ')),
    between,
  );
}

/** Attaches something if its variable is set. */
function attachmentLines(arch: Arch, attachment: Attachment): ShellText {
  const { variable, kind } = attachment;
  const [test, missing] = kind === 'folder' ? ['-d', 'no such directory'] : ['-f', 'no such file'];
  return sh`if [ -n "\${${variable}-}" ]; then
  [ ${test} "$${variable}" ] || fail 2 "${variable}=$${variable}: ${missing}"
  in_option "$${variable}"
  set -- "$@" ${shellArguments(attachmentWords(arch, attachment), ' \\\n    ')}
fi
`;
}

function ownRootLines({ file }: RootDisk): ShellText {
  return sh`[ -z "\${GUEST_ROOT-}" ] ||
  fail 2 "GUEST_ROOT=$GUEST_ROOT: this image has ${file} as its root; use one whose root is an initramfs"

`;
}

/** Lets the guest write its root disk if the user asks for it and the disk is writable. */
function rootDiskLines(disk: RootDisk): ShellText {
  const { file } = disk;
  if (!disk.writable) {
    return sh`[ "\${${rootWritableVariable}:-0}" = 0 ] ||
  fail 2 "${rootWritableVariable}=$${rootWritableVariable}: ${file} cannot be written; ${disk.instead}"

`;
  }
  return sh`root_mode=readonly=on,
case \${${rootWritableVariable}-} in
  '' | 0) ;;
  1)
    [ -w "$directory/${file}" ] || fail 2 "${rootWritableVariable}=1: $directory/${file} may not be written"
    root_mode=
    ;;
  *) fail 2 "${rootWritableVariable}=$${rootWritableVariable}: must be 0 or 1" ;;
esac

`;
}

function writableRootNote({ file }: RootDisk): ShellText {
  return sh`#
#   ${rootWritableVariable}=1  the guest writes ${file} itself, for one guest at a time; otherwise
#   what it writes is kept in its memory and lost at its end
`;
}

/**
 * Sets `directory` to the directory of the script `$0`, resolving links. A dot is appended to the output of programs
 * and removed again, because the shell drops trailing newlines, with which a name may end.
 */
export const findDirectory = sh`self=$0
case $self in */*) ;; *) self=./$self ;; esac
while [ -L "$self" ]; do
  # A name may end with a line break, which the shell would drop at the end of what it reads.
  link=$(readlink -- "$self" && echo .)
  link=\${link%??}
  case $link in
    /*) self=$link ;;
    *) self=\${self%/*}/$link ;;
  esac
done
directory=$(CDPATH= cd -P -- "\${self%/*}/" && pwd -P && echo .)
directory=\${directory%??}
`;

/**
 * Text of `run-emulator.sh`, which boots the image beside it. POSIX shell; needs the emulator and nothing else of ours.
 */
export function renderRunScript(arch: Arch, disk?: RootDisk): string {
  const { emulator, kernel } = arch;
  const { preset, limit } = emulator.memory;
  const files = [
    imageFiles.kernel,
    ...(kernel.deviceTree === undefined ? [] : [imageFiles.deviceTree]),
    ...(disk === undefined ? [] : [disk.file]),
    imageFiles.initramfs,
  ];
  const withinLimit =
    limit === undefined
      ? nothing
      : sh`[ "$memory" -le ${limit} ] ||
  fail 2 "QEMU_MEMORY=$memory: the ${emulator.machine} machine takes at most ${limit} MiB"
`;
  const commandLine =
    emulator.clockBy === 'command-line'
      ? sh`command_line="${kernelCommandLine(arch)} ${clockVariable}=$(date +%s)\${KERNEL_EXTRA:+ $KERNEL_EXTRA}"`
      : sh`command_line="${kernelCommandLine(arch)}\${KERNEL_EXTRA:+ $KERNEL_EXTRA}"`;
  return sh`#!/bin/sh
# Boots this ${arch.name} system image in ${emulator.program}. Ctrl-A x ends the emulator, and so does leaving the shell.
#
#   QEMU_MEMORY   MiB of memory (${preset}${limit === undefined ? '' : `; at most ${String(limit)}`})
#   QEMU_EXTRA    further arguments for the emulator, split at spaces: none can hold one
#   KERNEL_EXTRA  further words for the kernel command line, for example HANDOFF=/path/of/a/program. The kernel splits
#                 them at spaces outside of double quotes
#
${joinShell(attachmentsOf(disk).map(({ variable, purpose }) => sh`#   ${variable.padEnd(14)}  ${purpose}\n`))}#   ${sshPortVariable}  port of 127.0.0.1 that leads to the guest's command channel
${disk?.writable === true ? writableRootNote(disk) : nothing}set -eu

fail() {
  printf '%s\\n' "run-emulator.sh: $2" >&2
  exit "$1"
}

${findDirectory}
# Sets in_option to the path $1 as part of an option of the emulator: whole, since a colon before the first slash would name
# a protocol, and with every comma doubled.
in_option() {
  rest=$1
  case $rest in /*) ;; *) rest=$PWD/$rest ;; esac
  in_option=
  while [ "$rest" != "\${rest#*,}" ]; do
    in_option=$in_option\${rest%%,*},,
    rest=\${rest#*,}
  done
  in_option=$in_option$rest
}
in_option "$directory"
directory_in_option=$in_option

command -v ${emulator.program} >/dev/null 2>&1 ||
  fail 127 '${emulator.program} is not installed; on Debian: apt install ${emulator.debianPackage}'
for file in ${files}; do
  [ -r "$directory/$file" ] || fail 1 "$directory/$file is missing; unpack the system image again"
done

memory=\${QEMU_MEMORY:-${preset}}
case $memory in
  0* | *[!0-9]* | ????????*) fail 2 "QEMU_MEMORY=$memory: must be a number of MiB" ;;
esac
${withinLimit}
${commandLine}
[ "\${#command_line}" -lt ${emulator.commandLineLimit} ] ||
  fail 2 "KERNEL_EXTRA: the kernel command line would have \${#command_line} characters; it takes ${emulator.commandLineLimit - 1}"

network_options=
if [ -n "\${${sshPortVariable}-}" ]; then
  case $${sshPortVariable} in
    0* | *[!0-9]* | ??????*) fail 2 "${sshPortVariable}=$${sshPortVariable}: must be a port number" ;;
  esac
  network_options=",hostfwd=tcp:127.0.0.1:$${sshPortVariable}-:22"
fi

${disk === undefined ? nothing : sh`${ownRootLines(disk)}${rootDiskLines(disk)}`}set -- ${shellArguments([...emulatorWords(arch), ...rootWords(arch, disk)], ' \\\n  ')}
if [ -r "$directory/${imageFiles.toolchain}" ]; then
  set -- "$@" \\
    ${shellArguments(toolchainWords(arch), ' \\\n    ')}
fi
${joinShell(attachmentsOf(disk).map((attachment) => attachmentLines(arch, attachment)))}
# QEMU_EXTRA is split at spaces, and nothing in it is taken for a pattern of file names.
set -f
exec ${emulator.program} "$@" \${QEMU_EXTRA-}
`.text;
}

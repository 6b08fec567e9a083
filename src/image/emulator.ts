import type { Arch } from '../inputs/arch.ts';
import { virtioDevices, type VirtioDevice } from '../inputs/virtio-devices.ts';

/** Names of the files of a system image, side by side in one directory. */
export const imageFiles = {
  kernel: 'kernel',
  /** Only where the arch's descriptor names a device tree. */
  deviceTree: 'device-tree.dtb',
  /** The root filesystem; where that is a disk, what finds it. */
  initramfs: 'initramfs.cpio.gz',
  /** The root filesystem as a disk, in images of these kinds. */
  ext2: 'root.ext2',
  squashfs: 'root.sqf',
  /** The native compiler; an image can do without. */
  toolchain: 'toolchain.sqf',
  script: 'run-emulator.sh',
  /** Boots with a scratch disk and distcc. */
  environment: 'dev-environment.sh',
  /** The scratch disk that it makes beside itself. */
  home: 'home.img',
  /** Runs a control image with no one watching. */
  nativeBuild: 'native-build.sh',
} as const;

/**
 * How the root filesystem reaches the guest: unpacked into memory, or as a disk. The kernel knows disks by the order of
 * devices only, so an image with a disk has a small initramfs too, which finds that by its serial number.
 */
export const imageKinds = ['initramfs', 'ext2', 'squashfs'] as const;
export type ImageKind = (typeof imageKinds)[number];

/** Serial number of the disk that holds the root filesystem. */
export const rootSerial = 'root' satisfies VirtioDevice;

/** Variable of run-emulator.sh that lets the guest write its ext2 disk instead of a layer in memory. */
export const rootWritableVariable = 'GUEST_ROOT_WRITABLE';

/** Serial number of the disk that holds the native compiler: what the guest knows it by (`/sys/block/NAME/serial`). */
export const toolchainSerial = 'toolchain' satisfies VirtioDevice;

/** What a user can attach to a guest beside the image. The guest's init knows each by serial number or mount tag. */
export interface Attachment {
  /** Serial number of a disk, mount tag of a folder. */
  readonly name: VirtioDevice;
  /** Variable of run-emulator.sh that names the file or directory. */
  readonly variable: string;
  readonly kind: 'disk' | 'read-only disk' | 'folder';
  /** What it is for, in the script's own words. */
  readonly purpose: string;
}

export const attachments = [
  { name: 'home', variable: 'GUEST_HOME', kind: 'disk', purpose: 'scratch disk for /home, a file' },
  {
    name: 'control',
    variable: 'GUEST_CONTROL',
    kind: 'read-only disk',
    purpose: 'control image (squashfs): its init is run in the place of a shell',
  },
  {
    name: 'keys',
    variable: 'GUEST_KEYS',
    kind: 'read-only disk',
    purpose: 'tar archive with the keys of the command channel',
  },
  {
    name: 'share',
    variable: 'GUEST_SHARE',
    kind: 'folder',
    purpose: 'directory that the guest has on /share',
  },
  {
    name: 'upload',
    variable: 'GUEST_UPLOAD',
    kind: 'folder',
    purpose: 'directory for what a control image leaves in /upload',
  },
] as const satisfies readonly Attachment[];

/** Port of this machine that reaches the guest's command channel: variable of run-emulator.sh. */
export const sshPortVariable = 'GUEST_SSH_PORT';

/** What is known only when the emulator starts. */
export interface EmulatorSettings {
  /** Directory of the image. */
  readonly directory: string;
  /** MiB. */
  readonly memory: string;
  /** Kernel command line, whole. */
  readonly commandLine: string;
  /** What follows the network's model: nothing, or a comma and further options. */
  readonly networkOptions?: string;
  /** What stands before the file of the root disk: nothing where the guest may write it. Undefined: `readonly=on,`. */
  readonly rootMode?: string;
}

/** A word of a command line: text, or the value of a setting, one after the other. */
type Word = readonly (string | { readonly setting: keyof EmulatorSettings | 'directoryInOption' })[];

/** What the kernel is told in any case; what a user adds comes behind it. */
export function kernelCommandLine({ name, emulator }: Arch): string {
  return [`console=${emulator.console}`, ...(emulator.kernelWords ?? []), 'panic=1', `HOST=${name}`].join(
    ' ',
  );
}

/** Variable of the guest's init: seconds since 1970 when the emulator begins, for boards that have no clock. */
export const clockVariable = 'CLOCK';

/** Value of `-device`: a virtio device of this kind, at the place that the board has for the one of this name. */
function virtioDevice(emulator: Arch['emulator'], kind: string, name: VirtioDevice, options = ''): string {
  const place = emulator.virtioPlaces?.[virtioDevices.indexOf(name)];
  return `virtio-${kind}-${emulator.virtio}${options}${place === undefined ? '' : `,${place}`}`;
}

/** The same for a disk, which the guest knows by its serial number. */
function virtioDisk(emulator: Arch['emulator'], name: VirtioDevice): string {
  return virtioDevice(emulator, 'blk', name, `,drive=${name},serial=${name}`);
}

function networkWords({ network, networkBy }: Arch['emulator']): readonly Word[] {
  const options = { setting: 'networkOptions' } as const;
  if (networkBy !== 'device') return [['-nic'], [`user,model=${network}`, options]];
  return [['-netdev'], ['user,id=network', options], ['-device'], [`${network},netdev=network`]];
}

function emulatorWords({ emulator, kernel }: Arch): readonly Word[] {
  const directory = { setting: 'directory' } as const;
  return [
    ['-M'],
    [emulator.machine],
    ...(emulator.cpu === undefined ? [] : [['-cpu'], [emulator.cpu]]),
    ['-m'],
    [{ setting: 'memory' }],
    ['-nographic'],
    ['-no-reboot'],
    ['-kernel'],
    [directory, `/${imageFiles.kernel}`],
    ...(kernel.deviceTree === undefined ? [] : [['-dtb'], [directory, `/${imageFiles.deviceTree}`]]),
    ['-initrd'],
    [directory, `/${imageFiles.initramfs}`],
    ['-append'],
    [{ setting: 'commandLine' }],
    ...networkWords(emulator),
    // Some boards give their guest no other randomness.
    ['-device'],
    [virtioDevice(emulator, 'rng', 'rng')],
    ...emulator.arguments.map((argument): Word => [argument]),
  ];
}

/** The root disk, in images that have one. */
function rootWords({ emulator }: Arch, kind: ImageKind): readonly Word[] {
  if (kind === 'initramfs') return [];
  return [
    ['-drive'],
    [
      `if=none,id=${rootSerial},format=raw,`,
      kind === 'ext2' ? { setting: 'rootMode' } : 'readonly=on,',
      'file=',
      { setting: 'directoryInOption' },
      `/${imageFiles[kind]}`,
    ],
    ['-device'],
    [virtioDisk(emulator, rootSerial)],
  ];
}

function toolchainWords({ emulator }: Arch): readonly Word[] {
  return [
    ['-drive'],
    [
      `if=none,id=${toolchainSerial},format=raw,readonly=on,file=`,
      { setting: 'directoryInOption' },
      `/${imageFiles.toolchain}`,
    ],
    ['-device'],
    [virtioDisk(emulator, toolchainSerial)],
  ];
}

/**
 * The emulator's arguments, without its name.
 *
 * @param toolchain whether the image has a native compiler to attach.
 */
export function emulatorArguments(
  arch: Arch,
  settings: EmulatorSettings,
  toolchain: boolean,
  kind: ImageKind = 'initramfs',
): readonly string[] {
  const values = {
    networkOptions: '',
    rootMode: 'readonly=on,',
    ...settings,
    directoryInOption: settings.directory.replaceAll(',', ',,'),
  };
  const words = [
    ...emulatorWords(arch),
    ...rootWords(arch, kind),
    ...(toolchain ? toolchainWords(arch) : []),
  ];
  return words.map((word) =>
    word.map((part) => (typeof part === 'string' ? part : values[part.setting])).join(''),
  );
}

const shellVariables = {
  directory: '$directory',
  directoryInOption: '$directory_in_option',
  memory: '$memory',
  commandLine: '$command_line',
  networkOptions: '$network_options',
  rootMode: '$root_mode',
} as const;

/** A word as POSIX shell reads it. */
function shellWord(word: Word): string {
  return word
    .map((part) => {
      if (typeof part !== 'string') return `"${shellVariables[part.setting]}"`;
      return /^[A-Za-z0-9_./=,:+-]*$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`;
    })
    .join('');
}

/**
 * Arguments of the emulator that attach one thing.
 *
 * @param place path of the file or directory, with every comma doubled
 */
export function attachmentArguments(
  { emulator }: Arch,
  { name, kind }: Attachment,
  place: string,
): readonly string[] {
  if (kind === 'folder') {
    return [
      '-fsdev',
      `local,id=${name},security_model=mapped-file,path=${place}`,
      '-device',
      virtioDevice(emulator, '9p', name, `,fsdev=${name},mount_tag=${name}`),
    ];
  }
  return [
    '-drive',
    `if=none,id=${name},format=raw,${kind === 'disk' ? '' : 'readonly=on,'}file=${place}`,
    '-device',
    virtioDisk(emulator, name),
  ];
}

/** Attaches one thing if its variable is set. */
function attachmentLines(arch: Arch, attachment: Attachment): string {
  const { variable, kind } = attachment;
  const [test, missing] = kind === 'folder' ? ['-d', 'no such directory'] : ['-f', 'no such file'];
  const [option = '', place = '', device = '', model = ''] = attachmentArguments(arch, attachment, '$place');
  const options = [`${option} "${place}"`, `${device} ${model}`];
  return `if [ -n "\${${variable}-}" ]; then
  [ ${test} "$${variable}" ] || fail 2 "${variable}=$${variable}: ${missing}"
  place=$(in_option "$${variable}")
  set -- "$@" ${options.join(' \\\n    ')}
fi
`;
}

/** Options and their values, an option a line. */
function shellArguments(words: readonly Word[], indent: string): string {
  const texts = words.map(shellWord);
  return texts
    .map((text, index) =>
      index === 0 || text.startsWith('-') ? `${index === 0 ? '' : ` \\\n${indent}`}${text}` : ` ${text}`,
    )
    .join('');
}

/** Lets the guest write its root disk where the user says so. */
const rootModeLines = `root_mode=readonly=on,
case \${${rootWritableVariable}-} in
  '' | 0) ;;
  1)
    [ -w "$directory/${imageFiles.ext2}" ] || fail 2 "${rootWritableVariable}=1: $directory/${imageFiles.ext2} may not be written"
    root_mode=
    ;;
  *) fail 2 "${rootWritableVariable}=$${rootWritableVariable}: must be 0 or 1" ;;
esac

`;

const readOnlyRootLines = `[ "\${${rootWritableVariable}:-0}" = 0 ] ||
  fail 2 "${rootWritableVariable}=$${rootWritableVariable}: ${imageFiles.squashfs} cannot be written; an image of kind ext2 can"

`;

/** Text of `run-emulator.sh`: boots the image it lies beside. POSIX shell; needs the emulator and nothing else of ours. */
export function renderRunScript(arch: Arch, kind: ImageKind = 'initramfs'): string {
  const { emulator, kernel } = arch;
  const files = [
    imageFiles.kernel,
    ...(kernel.deviceTree === undefined ? [] : [imageFiles.deviceTree]),
    ...(kind === 'initramfs' ? [] : [imageFiles[kind]]),
  ];
  const limit = emulator.memory.limit;
  const clock = emulator.clockBy === 'command-line' ? ` ${clockVariable}=$(date +%s)` : '';
  return `#!/bin/sh
# Boots this ${arch.name} system image in ${emulator.program}. Ctrl-A x ends the emulator, and so does leaving the shell.
#
#   QEMU_MEMORY   MiB of memory (${emulator.memory.preset}${limit === undefined ? '' : `; at most ${limit}`})
#   QEMU_EXTRA    further arguments for the emulator, split at spaces
#   KERNEL_EXTRA  further words for the kernel command line, for example HANDOFF=/path/of/a/program
#
${attachments.map(({ variable, purpose }) => `#   ${variable.padEnd(14)}  ${purpose}\n`).join('')}#   ${sshPortVariable}  port of 127.0.0.1 that leads to the guest's command channel
${kind === 'ext2' ? `#\n#   ${rootWritableVariable}=1  the guest writes ${imageFiles.ext2} itself, for one guest at a time; otherwise\n#   what it writes is kept in its memory and lost at its end\n` : ''}set -eu

fail() {
  printf '%s\\n' "run-emulator.sh: $2" >&2
  exit "$1"
}

self=$0
while [ -L "$self" ]; do
  link=$(readlink -- "$self")
  case $link in
    /*) self=$link ;;
    *) self=$(dirname -- "$self")/$link ;;
  esac
done
directory=$(CDPATH= cd -P -- "$(dirname -- "$self")" && pwd -P)
# A path as part of an option of the emulator: whole, since a colon before the first slash would name a protocol, and
# with every comma doubled.
in_option() {
  case $1 in
    /*) printf '%s\\n' "$1" ;;
    *) printf '%s\\n' "$PWD/$1" ;;
  esac | sed 's/,/,,/g'
}
directory_in_option=$(in_option "$directory")

command -v ${emulator.program} >/dev/null 2>&1 ||
  fail 127 '${emulator.program} is not installed; on Debian: apt install ${emulator.debianPackage}'
for file in ${[...files, imageFiles.initramfs].join(' ')}; do
  [ -r "$directory/$file" ] || fail 1 "$directory/$file is missing; unpack the system image again"
done

memory=\${QEMU_MEMORY:-${emulator.memory.preset}}
case $memory in
  0* | *[!0-9]* | ????????*) fail 2 "QEMU_MEMORY=$memory: must be a number of MiB" ;;
esac
${
  limit === undefined
    ? ''
    : `[ "$memory" -le ${limit} ] ||
  fail 2 "QEMU_MEMORY=$memory: the ${emulator.machine} machine takes at most ${limit} MiB"
`
}
command_line="${kernelCommandLine(arch)}${clock}\${KERNEL_EXTRA:+ $KERNEL_EXTRA}"
[ "\${#command_line}" -lt ${emulator.commandLineLimit} ] ||
  fail 2 "KERNEL_EXTRA: the kernel command line would have \${#command_line} characters; it takes ${emulator.commandLineLimit - 1}"

network_options=
if [ -n "\${${sshPortVariable}-}" ]; then
  case $${sshPortVariable} in
    0* | *[!0-9]* | ??????*) fail 2 "${sshPortVariable}=$${sshPortVariable}: must be a port number" ;;
  esac
  network_options=",hostfwd=tcp:127.0.0.1:$${sshPortVariable}-:22"
fi

${kind === 'ext2' ? rootModeLines : kind === 'squashfs' ? readOnlyRootLines : ''}set -- ${shellArguments([...emulatorWords(arch), ...rootWords(arch, kind)], '  ')}
if [ -r "$directory/${imageFiles.toolchain}" ]; then
  set -- "$@" \\
    ${shellArguments(toolchainWords(arch), '    ')}
fi
${attachments.map((attachment) => attachmentLines(arch, attachment)).join('')}
# QEMU_EXTRA is split at spaces, and nothing in it is taken for a pattern of file names.
set -f
exec ${emulator.program} "$@" \${QEMU_EXTRA-}
`;
}

import type { Arch } from '../inputs/arch.ts';
import { kernelWord } from '../inputs/kernel-word.ts';
import { virtioDevices, type VirtioDevice } from '../inputs/virtio-devices.ts';
import { asWritten, doubleCommas, option, type OptionText } from './option-text.ts';

/** Names of the files of a system image, which are all in one directory. */
export const imageFiles = {
  kernel: 'kernel',
  /** Only if the arch's descriptor names a device tree. */
  deviceTree: 'device-tree.dtb',
  /** The root filesystem; if that is on a disk, the program that finds it. */
  initramfs: 'initramfs.cpio.gz',
  /** The native compiler, which an image may lack. */
  toolchain: 'toolchain.sqf',
  script: 'run-emulator.sh',
  /** Boots with a scratch disk and distcc. */
  environment: 'dev-environment.sh',
  /** The scratch disk that the former creates beside itself. */
  home: 'home.img',
  /** Runs a control image unattended. */
  nativeBuild: 'native-build.sh',
} as const;

/**
 * The disk with the root filesystem, in images that have one. The kernel names disks by the order of devices only, so
 * such an image also has a small initramfs, which finds the disk by its serial number.
 */
export type RootDisk = {
  /** Its file, beside `run-emulator.sh`. */
  readonly file: string;
} & (
  | { readonly writable: true }
  | {
      readonly writable: false;
      /** A writable alternative, for a message: `an image of kind ext2 can`. */
      readonly instead: string;
    }
);

/** Serial number of the disk with the root filesystem. */
export const rootSerial = 'root' satisfies VirtioDevice;

/** Variable of run-emulator.sh that lets the guest write to its ext2 disk instead of a layer in memory. */
export const rootWritableVariable = 'GUEST_ROOT_WRITABLE';

/** Serial number of the disk with the native compiler, by which the guest identifies it (`/sys/block/NAME/serial`). */
const toolchainSerial = 'toolchain' satisfies VirtioDevice;

/**
 * What a user can attach to a guest in addition to the image. The guest's init identifies each by serial number or
 * mount tag.
 */
export interface Attachment {
  /** Serial number of a disk, or mount tag of a directory. */
  readonly name: VirtioDevice;
  /** Variable of run-emulator.sh that names the file or directory. */
  readonly variable: string;
  readonly kind: 'disk' | 'read-only disk' | 'folder';
  /** What it is for, as the script describes it. */
  readonly purpose: string;
}

export const attachments = [
  {
    name: 'root',
    variable: 'GUEST_ROOT',
    kind: 'read-only disk',
    purpose: 'system (squashfs or ext2) whose programs are run in place of those of the image',
  },
  { name: 'home', variable: 'GUEST_HOME', kind: 'disk', purpose: 'scratch disk for /home, a file' },
  {
    name: 'control',
    variable: 'GUEST_CONTROL',
    kind: 'read-only disk',
    purpose: 'control image (squashfs): its init is run instead of a shell',
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

/** What can be attached to an image: to one with a root disk of its own, no other. */
export function attachmentsOf(disk: RootDisk | undefined): readonly Attachment[] {
  return attachments.filter(({ name }) => disk === undefined || name !== rootSerial);
}

/** Variable of run-emulator.sh: the port of this machine that is forwarded to the guest's command channel. */
export const sshPortVariable = 'GUEST_SSH_PORT';

/** What is known only when the emulator starts. */
export interface EmulatorSettings {
  /** Directory of the image. */
  readonly directory: string;
  /** MiB. */
  readonly memory: string;
  /** The complete kernel command line. */
  readonly commandLine: string;
  /** Text after the network's model: empty, or a comma and further options. */
  readonly networkOptions?: string;
  /** Text before the file of the root disk: empty if the guest may write to it. Undefined: `readonly=on,`. */
  readonly rootMode?: string;
}

/** `place` is the path of an attachment; `InOption`: with every comma doubled, as part of an option. */
type Setting = keyof EmulatorSettings | 'directoryInOption' | 'placeInOption';

/** A word of a command line: concatenated texts and values of settings. */
export type Word = readonly (OptionText | { readonly setting: Setting })[];

/** The fixed part of the kernel command line; what a user adds is appended to it. */
export function kernelCommandLine({ name, emulator }: Arch): string {
  return [`console=${emulator.console}`, ...(emulator.kernelWords ?? []), 'panic=1', `HOST=${name}`]
    .map(kernelWord)
    .join(' ');
}

/** Variable of the guest's init: seconds since 1970 when the emulator starts, for boards without a clock. */
export const clockVariable = 'CLOCK';

/** Value of `-device`: a virtio device of this kind, in the board's slot for the one of this name. */
function virtioDevice(
  { virtio, virtioPlaces }: Arch['emulator'],
  kind: string,
  name: VirtioDevice,
  ...options: readonly OptionText[]
): Word {
  const place = virtioPlaces?.[virtioDevices.indexOf(name)];
  return [
    option`virtio-${kind}-${virtio}`,
    ...options,
    ...(place === undefined ? [] : [option`,`, asWritten(place)]),
  ];
}

/** The same for a disk, which the guest identifies by its serial number. */
function virtioDisk(emulator: Arch['emulator'], name: VirtioDevice): Word {
  return virtioDevice(emulator, 'blk', name, option`,drive=${name},serial=${name}`);
}

function networkWords({ network, networkBy }: Arch['emulator']): readonly Word[] {
  const options = { setting: 'networkOptions' } as const;
  if (networkBy !== 'device') return [[option`-nic`], [option`user,model=${network}`, options]];
  return [
    [option`-netdev`],
    [option`user,id=network`, options],
    [option`-device`],
    [option`${network},netdev=network`],
  ];
}

/** Arguments with which every image is started. */
export function emulatorWords({ emulator, kernel }: Arch): readonly Word[] {
  const directory = { setting: 'directory' } as const;
  return [
    [option`-M`],
    [asWritten(emulator.machine)],
    ...(emulator.cpu === undefined ? [] : [[option`-cpu`], [asWritten(emulator.cpu)]]),
    [option`-m`],
    [{ setting: 'memory' }],
    [option`-nographic`],
    [option`-no-reboot`],
    [option`-kernel`],
    [directory, option`/${imageFiles.kernel}`],
    ...(kernel.deviceTree === undefined
      ? []
      : [[option`-dtb`], [directory, option`/${imageFiles.deviceTree}`]]),
    [option`-initrd`],
    [directory, option`/${imageFiles.initramfs}`],
    [option`-append`],
    [{ setting: 'commandLine' }],
    ...networkWords(emulator),
    // Some boards give their guest no other source of randomness.
    [option`-device`],
    virtioDevice(emulator, 'rng', 'rng'),
    ...emulator.arguments.map((argument): Word => [asWritten(argument)]),
  ];
}

/** The root disk, in images that have one. */
export function rootWords({ emulator }: Arch, disk: RootDisk | undefined): readonly Word[] {
  if (disk === undefined) return [];
  return [
    [option`-drive`],
    [
      option`if=none,id=${rootSerial},format=raw,`,
      disk.writable ? { setting: 'rootMode' } : option`readonly=on,`,
      option`file=`,
      { setting: 'directoryInOption' },
      option`/${disk.file}`,
    ],
    [option`-device`],
    virtioDisk(emulator, rootSerial),
  ];
}

/** The native compiler, in images that have one. */
export function toolchainWords({ emulator }: Arch): readonly Word[] {
  return [
    [option`-drive`],
    [
      option`if=none,id=${toolchainSerial},format=raw,readonly=on,file=`,
      { setting: 'directoryInOption' },
      option`/${imageFiles.toolchain}`,
    ],
    [option`-device`],
    virtioDisk(emulator, toolchainSerial),
  ];
}

/**
 * Arguments that attach one thing.
 *
 * @param whenFull what becomes of writing to a disk when this machine has no room left: the emulator stops the guest, until somebody
 *   at its monitor tells it to go on, or the guest gets an error
 */
export function attachmentWords(
  { emulator }: Arch,
  { name, kind }: Pick<Attachment, 'name' | 'kind'>,
  whenFull: 'wait' | 'report' = 'wait',
): readonly Word[] {
  const place = { setting: 'placeInOption' } as const;
  if (kind === 'folder') {
    return [
      [option`-fsdev`],
      [option`local,id=${name},security_model=mapped-file,path=`, place],
      [option`-device`],
      virtioDevice(emulator, '9p', name, option`,fsdev=${name},mount_tag=${name}`),
    ];
  }
  return [
    [option`-drive`],
    [
      option`if=none,id=${name},format=raw,`,
      ...(kind === 'disk' ? [] : [option`readonly=on,`]),
      ...(kind === 'disk' && whenFull === 'report' ? [option`werror=report,`] : []),
      option`file=`,
      place,
    ],
    [option`-device`],
    virtioDisk(emulator, name),
  ];
}

function fillIn(words: readonly Word[], values: Partial<Record<Setting, string>>): readonly string[] {
  return words.map((word) =>
    word.map((part) => (typeof part === 'string' ? part : (values[part.setting] ?? ''))).join(''),
  );
}

/**
 * The emulator's arguments, without its name.
 *
 * @param toolchain whether the image has a native compiler to attach
 */
export function emulatorArguments(
  arch: Arch,
  settings: EmulatorSettings,
  toolchain: boolean,
  disk?: RootDisk,
): readonly string[] {
  const words = [
    ...emulatorWords(arch),
    ...rootWords(arch, disk),
    ...(toolchain ? toolchainWords(arch) : []),
  ];
  return fillIn(words, {
    rootMode: 'readonly=on,',
    ...settings,
    directoryInOption: doubleCommas(settings.directory),
  });
}

/**
 * Arguments of the emulator that attach one thing.
 *
 * @param place absolute path of the file or directory
 */
export function attachmentArguments(
  arch: Arch,
  attachment: Pick<Attachment, 'name' | 'kind'>,
  place: string,
  whenFull?: 'wait' | 'report',
): readonly string[] {
  return fillIn(attachmentWords(arch, attachment, whenFull), { placeInOption: doubleCommas(place) });
}

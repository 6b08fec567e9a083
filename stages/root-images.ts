import { imageFiles, rootSerial } from '../src/image/emulator.ts';
import type { Action, Command, Ref } from '../src/plan/action.ts';
import { run, shell } from '../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, repoFile } from './inputs.ts';
import { specialModes } from './root-layout.ts';

/** What images of the root filesystem are made with. */
export interface RootImageParts {
  /** Shell, utilities and gzip of the build machine. */
  readonly base: readonly Ref[];
  readonly squashfsTools: Ref;
  readonly e2fsprogs: Ref;
  /** Writer of initramfs archives. */
  readonly generator: Ref;
  readonly rootFilesystem: Ref;
  /** Whether files of the user's are in it, whose names may be any. */
  readonly anyNames: boolean;
  /** busybox of the target, in `bin/`. */
  readonly busybox: Ref;
}

/** Arguments of mksquashfs for a directory whose files are all root's, with the time of the lock. */
export function mksquashfs(inputs: PlanInputs, from: string, to: string): Command {
  const epoch = String(inputs.lock.sourceDateEpoch);
  return run([
    ...(['mksquashfs', from, to] as const),
    ...['-noappend', '-no-progress', '-all-root', '-no-xattrs', '-no-hardlinks'],
    ...['-mkfs-time', epoch, '-all-time', epoch, '-comp', 'gzip', '-Xcompression-level', '6'],
    ...['-processors', '1'],
  ]);
}

/** The root filesystem as squashfs, in a file of this name. */
export function packSquashfs(inputs: PlanInputs, parts: RootImageParts, file: string): Action {
  return buildAction(inputs, {
    name: `system-image-${inputs.target.name}/root-squashfs`,
    description: `root filesystem for ${inputs.target.name} as squashfs`,
    tools: [...parts.base, parts.squashfsTools],
    inputs: { '/root-filesystem': { writable: [parts.rootFilesystem] } },
    // Not baseEnvironment: mksquashfs refuses its time options while SOURCE_DATE_EPOCH is set.
    commands: [...setModes('/root-filesystem'), mksquashfs(inputs, '/root-filesystem', `/out/${file}`)],
    outputs: { out: '/out' },
    weight: 4,
  });
}

/** Name of the file system in itself, and seed of its directories' hashes: any fixed number serves. */
export const ext2Uuid = '00000000-0000-4000-8000-626f6f747374';
/** What a guest may write where it is let, in MiB. */
const ext2Room = 64;

/** The root filesystem as ext2, in a file of this name. */
export function packExt2(inputs: PlanInputs, parts: RootImageParts, file: string): Action {
  return buildAction(inputs, {
    name: `system-image-${inputs.target.name}/root-ext2`,
    description: `root filesystem for ${inputs.target.name} as ext2`,
    tools: [...parts.base, parts.e2fsprogs],
    inputs: { '/root-filesystem': parts.rootFilesystem },
    // mke2fs takes SOURCE_DATE_EPOCH for the present, and gives no file a later time.
    env: baseEnvironment(inputs),
    commands: [
      // A copy, because mke2fs keeps the owners that it finds.
      run(['cp', '-R', '/root-filesystem/.', '/build/tree']),
      ...setModes('/build/tree'),
      shell(
        [
          // By lengths: what a file takes on the build machine's disk is another matter.
          'files=$(find . | wc -l)',
          "data=$(find . -type f -exec stat -c %s {} + | awk '{ n += int($1 / 4096) + 2 } END { print n + 0 }')",
          // A block of 4 KiB for each directory and link too, and an eighth for tables.
          `size=$(((data + files) * 9 / 8 / 256 + ${ext2Room + 1}))`,
          `mke2fs -q -t ext2 -b 4096 -I 256 -N $((files + 8192)) -m 0 -L ${rootSerial} -U ${ext2Uuid} \\`,
          `  -E root_owner=0:0,hash_seed=${ext2Uuid} -d . /out/${file} "\${size}m"`,
        ].join('\n'),
        { cwd: '/build/tree' },
      ),
    ],
    outputs: { out: '/out' },
    weight: 3,
  });
}

function setModes(directory: string): readonly Command[] {
  return Object.entries(specialModes).map(([path, mode]) => run(['chmod', mode, `${directory}/${path}`]));
}

/** Commands of busybox that `target/find-root` runs. */
const finderCommands = 'cat head mkdir mount poweroff reboot sh sleep switch_root umount'.split(' ');

/** The initramfs of images with a root disk: busybox and one script. */
export function packFinder(inputs: PlanInputs, parts: RootImageParts): Action {
  const list = [
    ...['/bin', '/dev', '/disk', '/layer', '/root', '/sys'].map((path) => `dir ${path} 0755 0 0`),
    'nod /dev/console 0600 0 0 c 5 1',
    'file /bin/busybox /busybox/bin/busybox 0755 0 0',
    ...finderCommands.map((name) => `slink /bin/${name} busybox 0777 0 0`),
    'file /init /find-root 0755 0 0',
  ];
  return buildAction(inputs, {
    name: `system-image-${inputs.target.name}/find-root`,
    description: `initramfs that finds the root disk for ${inputs.target.name}`,
    tools: [...parts.base, parts.generator],
    inputs: { '/busybox': parts.busybox, '/find-root': repoFile(inputs, 'target/find-root') },
    env: baseEnvironment(inputs),
    commands: [
      shell(
        [
          `printf '%s\\n' ${list.map((line) => `'${line}'`).join(' ')} >list`,
          'gen_init_cpio -t "$SOURCE_DATE_EPOCH" list >initramfs.cpio',
          `gzip -n -9 <initramfs.cpio >/out/${imageFiles.initramfs}`,
        ].join('\n'),
      ),
    ],
    outputs: { out: '/out' },
    weight: 1,
  });
}

/** The root filesystem as initramfs. */
export function packInitramfs(inputs: PlanInputs, parts: RootImageParts): Action {
  if (parts.anyNames) return packAnyNames(inputs, parts.base, parts.rootFilesystem);
  const modes = Object.entries(specialModes).map(([path, mode]) => `/${path}) mode=${mode} ;;`);
  return buildAction(inputs, {
    name: `system-image-${inputs.target.name}/initramfs`,
    description: `root filesystem for ${inputs.target.name} as initramfs`,
    tools: [...parts.base, parts.generator],
    inputs: { '/root-filesystem': parts.rootFilesystem },
    env: baseEnvironment(inputs),
    commands: [
      shell(
        [
          // gen_init_cpio takes over the times of files.
          'cp -R . /build/tree',
          'cd /build/tree',
          'find . -type f -exec touch -d "@$SOURCE_DATE_EPOCH" {} +',
          'find . | sort | while read -r path; do',
          '  name=${path#.}',
          '  if [ -x "$path" ]; then mode=0755; else mode=0644; fi',
          `  case $name in ${modes.join(' ')} esac`,
          '  if [ -z "$name" ]; then continue',
          '  elif [ -L "$path" ]; then echo "slink $name $(readlink "$path") 0777 0 0"',
          '  elif [ -d "$path" ]; then echo "dir $name $mode 0 0"',
          '  else echo "file $name /build/tree$name $mode 0 0"',
          '  fi',
          'done >/build/list',
          // The kernel opens it before devtmpfs is there.
          'echo "nod /dev/console 0600 0 0 c 5 1" >>/build/list',
          'gen_init_cpio -t "$SOURCE_DATE_EPOCH" /build/list >/build/initramfs.cpio',
          `gzip -n -9 </build/initramfs.cpio >/out/${imageFiles.initramfs}`,
        ].join('\n'),
        { cwd: '/root-filesystem' },
      ),
    ],
    outputs: { out: '/out' },
    weight: 6,
  });
}

/**
 * The root filesystem as initramfs, whatever its files are called: the kernel's own writer of archives, which packs it
 * where there is no overlay, takes no white space in names.
 */
function packAnyNames(inputs: PlanInputs, base: readonly Ref[], rootFilesystem: Ref): Action {
  const modes = Object.entries(specialModes).map(([path, mode]) => `${path}) mode=${mode} ;;`);
  return buildAction(inputs, {
    name: `system-image-${inputs.target.name}/initramfs`,
    description: `root filesystem for ${inputs.target.name} as initramfs`,
    tools: base,
    inputs: { '/root-filesystem': rootFilesystem },
    env: baseEnvironment(inputs),
    commands: [
      shell(
        [
          'set -o pipefail',
          'number=0 major=0 minor=0',
          // Header of the "newc" format: fields of eight digits, the name, and zeros up to a multiple of four.
          'entry() {', // mode, size, name
          '  number=$((number + 1))',
          `  printf '070701' && printf '%08X' $number $(($1)) 0 0 1 "$SOURCE_DATE_EPOCH" $2 3 1 \\`,
          '    $major $minor $((${#3} + 1)) 0',
          `  printf '%s\\0' "$3"`,
          '  fill $((${#3} + 111))',
          '}',
          'fill() {',
          `  case $(($1 % 4)) in 1) printf '\\0\\0\\0' ;; 2) printf '\\0\\0' ;; 3) printf '\\0' ;; esac`,
          '}',
          'find . -mindepth 1 | sort >/build/names',
          '{',
          '  while IFS= read -r path; do',
          '    name=${path#./}',
          '    if [ -x "$path" ]; then mode=0755; else mode=0644; fi',
          `    case $name in ${modes.join(' ')} esac`,
          '    if [ -L "$path" ]; then',
          '      to=$(readlink "$path")',
          '      entry 0120777 ${#to} "$name"',
          `      printf '%s' "$to"`,
          '      fill ${#to}',
          '    elif [ -d "$path" ]; then entry "040000 | 0$mode" 0 "$name"',
          '    else',
          '      size=$(stat -c %s "$path")',
          '      entry "0100000 | 0$mode" $size "$name"',
          '      cat "$path"',
          '      fill $size',
          '    fi',
          '  done </build/names',
          // The kernel opens it before devtmpfs is there.
          '  major=5 minor=1',
          '  entry 020600 0 dev/console',
          '  major=0 minor=0 number=-1',
          "  entry 0 0 'TRAILER!!!'",
          `} | gzip -n -9 >/out/${imageFiles.initramfs}`,
        ].join('\n'),
        { cwd: '/root-filesystem' },
      ),
    ],
    outputs: { out: '/out' },
    weight: 8,
  });
}

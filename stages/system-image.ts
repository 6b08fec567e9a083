import { renderDevEnvironment } from '../src/image/dev-environment.ts';
import { imageFiles, type ImageKind } from '../src/image/emulator.ts';
import { renderRunScript } from '../src/image/run-script.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output, run, shell, write } from '../src/plan/builder.ts';
import { everything, image } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { baseEnvironment, buildAction, type PlanInputs, repoFile, source } from './inputs.ts';
import { stage as kernel } from './kernel.ts';
import { stage as nativeCompiler } from './native-compiler.ts';
import { withPackages } from './package.ts';
import { systemImagePackage } from './products.ts';
import { overlaySetting, stage as rootFilesystem } from './root-filesystem.ts';
import { specialModes } from './root-layout.ts';
import { mksquashfs, packAnyNames, packRootDisk } from './root-images.ts';
import { defineSetting, defineStage } from './stage.ts';
import { toolchainSetting } from './toolchain.ts';

export interface SystemImage {
  readonly actions: readonly Action[];
  /** Directory with kernel, root filesystem and `run-emulator.sh`, by the names of `imageFiles`. */
  readonly tree: Ref;
}

export interface ImageParts {
  /** Shell, utilities and gzip of the build machine. */
  readonly base: readonly Ref[];
  readonly kind: ImageKind;
  readonly squashfsTools: Ref;
  readonly e2fsprogs: Ref;
  /** Tree with `kernel` and, for arches that want one, `device-tree.dtb`. */
  readonly kernel: Ref;
  readonly rootFilesystem: Ref;
  /** Whether files of the user's are in it, whose names may be any. */
  readonly anyNames: boolean;
  /** busybox of the target, in `bin/`. */
  readonly busybox: Ref;
  /** Undefined: the image has no compiler. */
  readonly nativeCompiler?: Ref;
}

/** What boots: every part is an action of its own, so that a new kernel packs nothing but itself. */
export function systemImage(inputs: PlanInputs, parts: ImageParts): SystemImage {
  const { target } = inputs;
  const { kind } = parts;
  const generator = initramfsGenerator(inputs, parts.base);
  const root = packRoot(inputs, parts, output(generator, 'out'));
  const toolchain =
    parts.nativeCompiler === undefined ? [] : [packToolchain(inputs, parts, parts.nativeCompiler)];
  const files = [
    imageFiles.kernel,
    ...(target.kernel.deviceTree === undefined ? [] : [imageFiles.deviceTree]),
  ];
  const image = buildAction(inputs, {
    name: `system-image-${target.name}/assemble`,
    description: `bootable image for ${target.name}`,
    tools: parts.base,
    inputs: {
      '/kernel': parts.kernel,
      '/archives': [...root, ...toolchain].map((action) => output(action, 'out')),
      [`/scripts/${imageFiles.nativeBuild}`]: repoFile(inputs, `target/${imageFiles.nativeBuild}`),
    },
    env: baseEnvironment(inputs),
    commands: [
      run(['cp', ...files.map((file) => `/kernel/${file}`), '/out']),
      run(['cp', '-R', '/archives/.', '/out']),
      write(`/out/${imageFiles.script}`, renderRunScript(target, kind), 0o755),
      write(`/out/${imageFiles.environment}`, renderDevEnvironment(target), 0o755),
      run(['install', '-m', '755', `/scripts/${imageFiles.nativeBuild}`, '/out']),
      // make marks its images as programs, which they are not on the machine that keeps them.
      run(['chmod', '644', ...files.map((file) => `/out/${file}`)]),
    ],
    outputs: { out: '/out' },
    weight: 1,
  });
  return { actions: [generator, ...root, ...toolchain, image], tree: output(image, 'out') };
}

function packRoot(inputs: PlanInputs, parts: ImageParts, generator: Ref): readonly Action[] {
  const { kind } = parts;
  if (kind !== 'initramfs') return packRootDisk(inputs, kind, { ...parts, generator });
  if (parts.anyNames) return [packAnyNames(inputs, parts.base, parts.rootFilesystem)];
  return [packInitramfs(inputs, parts, generator)];
}

/** The kernel's own program that writes initramfs archives from a list: owners, device nodes and numbers are as listed. */
function initramfsGenerator(inputs: PlanInputs, base: readonly Ref[]): Action {
  return buildAction(inputs, {
    name: `system-image-${inputs.target.name}/gen-init-cpio`,
    description: 'writer of initramfs archives',
    tools: base,
    inputs: { '/': { kind: 'compiler' }, '/src': source(inputs, 'linux') },
    env: baseEnvironment(inputs),
    commands: [
      run(['mkdir', '/out/bin']),
      run(['gcc', '-O2', '-static', '-o', '/out/bin/gen_init_cpio', '/src/usr/gen_init_cpio.c']),
    ],
    outputs: { out: '/out' },
    weight: 1,
    provides: { out: ['gen_init_cpio'] },
  });
}

function packInitramfs(inputs: PlanInputs, parts: ImageParts, generator: Ref): Action {
  const modes = Object.entries(specialModes).map(([path, mode]) => `/${path}) mode=${mode} ;;`);
  return buildAction(inputs, {
    name: `system-image-${inputs.target.name}/initramfs`,
    description: `root filesystem for ${inputs.target.name} as initramfs`,
    tools: [...parts.base, generator],
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

function packToolchain(inputs: PlanInputs, parts: ImageParts, nativeCompiler: Ref): Action {
  return buildAction(inputs, {
    name: `system-image-${inputs.target.name}/toolchain`,
    description: `native compiler for ${inputs.target.name} as squashfs`,
    tools: [...parts.base, parts.squashfsTools],
    inputs: { '/native-compiler': nativeCompiler },
    // Not baseEnvironment: mksquashfs refuses its time options while SOURCE_DATE_EPOCH is set.
    commands: [mksquashfs(inputs, '/native-compiler', `/out/${imageFiles.toolchain}`)],
    outputs: { out: '/out' },
    weight: 25,
  });
}

/** How the root filesystem reaches the guest. Not given: as an initramfs. */
export const imageKindSetting = defineSetting<ImageKind>();

export const stage = defineStage({
  name: 'system-image',
  summary: 'kernel, root filesystem and run-emulator.sh, ready to boot',
  goals: [everything, image],
  needs: { host: hostTools, kernel, root: rootFilesystem },
  ifWanted: { native: nativeCompiler },
  settings: { toolchain: toolchainSetting, overlay: overlaySetting, kind: imageKindSetting },
  make: ({ inputs, needs: { host, kernel, root }, ifWanted: { native }, settings }) => {
    const { toolchain, kind = 'initramfs' } = settings;
    const overlay = settings.overlay !== undefined;
    const made = systemImage(inputs, {
      base: host.base,
      squashfsTools: host.tools['squashfs-tools'],
      e2fsprogs: host.tools.e2fsprogs,
      kernel: kernel.ref,
      rootFilesystem: root.tree,
      busybox: root.busybox,
      anyNames: overlay,
      kind,
      ...(native === undefined ? {} : { nativeCompiler: native.tree }),
    });
    const options = { withNative: native !== undefined, kind, overlay, toolchain };
    return withPackages(made, systemImagePackage(inputs, host.packing, made.tree, options));
  },
});

import { renderDevEnvironment } from '../src/image/dev-environment.ts';
import { imageFiles } from '../src/image/emulator.ts';
import { renderRunScript } from '../src/image/run-script.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output, run, write } from '../src/plan/builder.ts';
import { everything, image } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { baseEnvironment, buildAction, type PlanInputs, repoFile, source } from './inputs.ts';
import { defaultImageKind, imageKindSpecs, type ImageKind } from './image-kinds.ts';
import { stage as kernel } from './kernel.ts';
import { stage as nativeCompiler } from './native-compiler.ts';
import { withPackages } from './package.ts';
import { systemImagePackage } from './products.ts';
import { overlaySetting, stage as rootFilesystem } from './root-filesystem.ts';
import { mksquashfs } from './root-images.ts';
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
  const generator = initramfsGenerator(inputs, parts.base);
  const { disk, pack } = imageKindSpecs[parts.kind];
  const root = pack(inputs, { ...parts, generator: output(generator, 'out') });
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
      write(`/out/${imageFiles.script}`, renderRunScript(target, disk), 0o755),
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

/** How the root filesystem reaches the guest. Not given: as `defaultImageKind` says. */
export const imageKindSetting = defineSetting<ImageKind>();

export const stage = defineStage({
  name: 'system-image',
  summary: 'kernel, root filesystem and run-emulator.sh, ready to boot',
  goals: [everything, image],
  needs: { host: hostTools, kernel, root: rootFilesystem },
  ifWanted: { native: nativeCompiler },
  settings: { toolchain: toolchainSetting, overlay: overlaySetting, kind: imageKindSetting },
  make: ({ inputs, needs: { host, kernel, root }, ifWanted: { native }, settings }) => {
    const { toolchain, kind = defaultImageKind } = settings;
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

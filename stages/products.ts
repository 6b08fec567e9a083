import type { Ref } from '../src/plan/action.ts';
import { buildSystemFiles } from './build-systems.ts';
import { defaultImageKind, type ImageKind } from './image-kinds.ts';
import type { PlanInputs } from './inputs.ts';
import { tarball, type Package } from './package.ts';
import {
  crossCompilerReadme,
  nativeCompilerReadme,
  rootFilesystemReadme,
  systemImageReadme,
} from './readme.ts';
import { specialModes } from './root-layout.ts';
import type { Toolchain } from './toolchain.ts';

/** Sources that end up in a compiler. */
const compilerSources = ['gcc', 'binutils', 'gmp', 'mpfr', 'mpc', 'mimalloc', 'musl', 'linux'];
/** Programs that a native compiler brings beside itself. */
const nativePrograms = ['make', 'distcc'];
const programSources = ['busybox', 'toybox', 'bash', 'dropbear'];

/** An external toolchain brings its own libraries. */
function rootFilesystemSources(toolchain: Toolchain | undefined): readonly string[] {
  return toolchain === undefined ? [...programSources, 'musl', 'gcc'] : programSources;
}

/** What packaging runs with: shell, utilities, gzip, and toybox for its tar. */
type PackingTools = readonly Ref[];

export function crossCompilerPackage(inputs: PlanInputs, base: PackingTools, tree: Ref): Package {
  return tarball(inputs, base, {
    name: `cross-compiler-${inputs.target.name}-${inputs.host.name}`,
    description: `C and C++ compiler, runs on ${inputs.host.name}, builds for ${inputs.target.name}`,
    trees: [tree],
    readme: crossCompilerReadme(inputs),
    files: buildSystemFiles(inputs.target),
    sources: [...compilerSources, 'distcc'],
    weight: 20,
  });
}

export function nativeCompilerPackage(inputs: PlanInputs, base: PackingTools, tree: Ref): Package {
  return tarball(inputs, base, {
    name: `native-compiler-${inputs.target.name}`,
    description: `C and C++ compiler, runs on ${inputs.target.name}`,
    trees: [tree],
    readme: nativeCompilerReadme(inputs, nativePrograms),
    sources: [...compilerSources, ...nativePrograms],
    weight: 20,
  });
}

export function rootFilesystemPackage(
  inputs: PlanInputs,
  base: PackingTools,
  tree: Ref,
  options: { readonly overlay?: boolean; readonly toolchain?: Toolchain | undefined } = {},
): Package {
  return tarball(inputs, base, {
    name: `root-filesystem-${inputs.target.name}`,
    description: `root filesystem for ${inputs.target.name}`,
    trees: [tree],
    readme: rootFilesystemReadme(inputs, options.overlay ?? false, options.toolchain),
    sources: rootFilesystemSources(options.toolchain),
    modes: specialModes,
    weight: 3,
  });
}

/** The image, packed and unpacked. */
export function systemImagePackage(
  inputs: PlanInputs,
  base: PackingTools,
  tree: Ref,
  options: {
    readonly withNative: boolean;
    readonly kind?: ImageKind;
    readonly overlay?: boolean;
    readonly toolchain?: Toolchain | undefined;
  },
): Package {
  return tarball(inputs, base, {
    name: `system-image-${inputs.target.name}`,
    description: `kernel, root filesystem and run-emulator.sh for ${inputs.target.name}`,
    trees: [tree],
    readme: systemImageReadme(inputs, { kind: defaultImageKind, overlay: false, ...options }),
    sources: [
      ...rootFilesystemSources(options.toolchain),
      'linux',
      ...(options.withNative ? [...compilerSources, ...nativePrograms] : []),
    ],
    unpacked: true,
    weight: 10,
  });
}

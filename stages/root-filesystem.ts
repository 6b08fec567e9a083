import type { Digest } from '../src/core/digest.ts';
import type { Arch } from '../src/inputs/arch.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output, run, shell, write } from '../src/plan/builder.ts';
import { sysrootDirectory } from './compiler.ts';
import { everything, image } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { baseEnvironment, buildAction, type PlanInputs, repoFile } from './inputs.ts';
import {
  targetBash,
  targetBusybox,
  targetDropbear,
  targetToybox,
  type TargetTools,
} from './target-programs.ts';
import { withPackages } from './package.ts';
import { rootFilesystemPackage } from './products.ts';
import { emptyDirectories } from './root-layout.ts';
import { sharedLibgcc } from './runtime.ts';
import { stage as stage1 } from './stage-1.ts';
import { defineSetting, defineStage } from './stage.ts';
import { toolchainSetting, toolchainTree, type Toolchain } from './toolchain.ts';

export interface RootFilesystem {
  readonly actions: readonly Action[];
  /** The tree, without owners and special modes: those stand in `specialModes`. */
  readonly tree: Ref;
  /** busybox alone, in `bin/`. */
  readonly busybox: Ref;
  /** bash alone, in `bin/`. */
  readonly bash: Ref;
}

/** Files of ours: path in the root filesystem to path in this repository. */
const ownFiles = {
  init: 'target/init',
  'etc/group': 'target/root-filesystem/etc/group',
  'etc/hosts': 'target/root-filesystem/etc/hosts',
  'etc/passwd': 'target/root-filesystem/etc/passwd',
  'etc/profile': 'target/root-filesystem/etc/profile',
  'etc/resolv.conf': 'target/root-filesystem/etc/resolv.conf',
  'etc/shells': 'target/root-filesystem/etc/shells',
} as const;

/**
 * Who provides a command that several have: the first of these. bash and dropbear bring one name each; busybox has more
 * options than toybox where both have a command, so toybox fills what is left.
 */
const commandProviders = ['bash', 'dropbear', 'busybox', 'toybox'] as const;

/** Shared libraries that dynamic programs may need beside libc, by soname. */
function requiredLibraries(target: Arch): readonly string[] {
  return [sharedLibgcc(target), 'libstdc++.so.6'];
}
/** Those that gcc does not build for every target. */
const optionalLibraries = ['libatomic.so.1', 'libgomp.so.1'];

/**
 * busybox, toybox, bash and dropbear, all static, so that the system stands without its libc; init; the dynamic loader and
 * gcc's shared libraries for what is compiled for it. An external toolchain whose libc is not the arch's brings no library:
 * what it compiles for this root filesystem has to be static.
 */
export function rootFilesystem(
  inputs: PlanInputs,
  using: TargetTools & {
    /** Trees as stage 1 has them; of an external toolchain its own are taken. */
    readonly targetLibraries: { readonly musl: Ref; readonly gccRuntime: Ref };
    /** Laid over everything else. */
    readonly overlay?: Ref;
  },
): RootFilesystem {
  const { target } = inputs;
  const programs = {
    bash: targetBash(inputs, using),
    busybox: targetBusybox(inputs, using),
    dropbear: targetDropbear(inputs, using),
    toybox: targetToybox(inputs, using),
  };
  const libraries =
    using.toolchain === undefined
      ? ownLibraries(target, using.targetLibraries)
      : externalLibraries(target, using.toolchain);
  const assemble = buildAction(inputs, {
    name: `root-filesystem-${target.name}/assemble`,
    description: `root filesystem for ${target.name}`,
    tools: [...using.base, ...using.crossTools],
    inputs: {
      ...Object.fromEntries(
        commandProviders.map((name) => [`/programs/${name}`, output(programs[name], 'out')]),
      ),
      ...Object.fromEntries(
        Object.entries(ownFiles).map(([path, file]) => [`/files/${path}`, repoFile(inputs, file)]),
      ),
      ...libraries.inputs,
    },
    env: baseEnvironment(inputs),
    commands: [
      write('/out/etc/os-release', osRelease(inputs)),
      shell(
        [
          `mkdir -p ${emptyDirectories.join(' ')} bin sbin usr/bin usr/sbin lib`,
          `cp -R /files/. .`,
          `chmod 755 init`,
          // The command's name decides, not its directory: PATH holds them all.
          `for provider in ${commandProviders.join(' ')}; do`,
          `  cd /programs/$provider`,
          `  find . ! -type d | sort | while read -r path; do`,
          `    name=\${path##*/}`,
          `    for directory in bin sbin usr/bin usr/sbin; do`,
          `      if [ -e "/out/$directory/$name" ] || [ -L "/out/$directory/$name" ]; then continue 2; fi`,
          `    done`,
          `    cp -P "$path" "/out/$path"`,
          `  done`,
          `done`,
        ].join('\n'),
        { cwd: '/out' },
      ),
      shell(
        [
          ...libraries.lines,
          // A link that leads nowhere would be noticed much later, in the guest.
          `find . -type l | while read -r link; do`,
          `  [ -e "$link" ] || { echo "$link leads nowhere"; exit 1; }`,
          `done`,
        ].join('\n'),
        { cwd: '/out' },
      ),
    ],
    outputs: { out: '/out' },
    weight: 5,
  });
  const whole =
    using.overlay === undefined
      ? [assemble]
      : [assemble, layOver(inputs, using.base, assemble, using.overlay)];
  return {
    actions: [...Object.values(programs), ...whole],
    tree: output(whole.at(-1) ?? assemble, 'out'),
    busybox: output(programs.busybox, 'out'),
    bash: output(programs.bash, 'out'),
  };
}

/** What puts shared libraries into `lib`, and what that reads. */
interface Libraries {
  readonly inputs: Readonly<Record<string, Ref>>;
  readonly lines: readonly string[];
}

/** What comes out of strip has no mode of its own choosing, and a loader must be executable. */
const executableLibraries = 'chmod 755 lib/*';

/** Names of musl's one library: the dynamic loader, and the command that lists what a program loads. */
function loaderLinks({ musl }: Arch): readonly string[] {
  return [`ln -s libc.so lib/${musl.loader}`, `ln -s ../../lib/${musl.loader} usr/bin/ldd`];
}

/** Those of stage 1. */
function ownLibraries(target: Arch, libraries: { readonly musl: Ref; readonly gccRuntime: Ref }): Libraries {
  return {
    inputs: { '/libraries/gcc': libraries.gccRuntime, '/libraries/musl': libraries.musl },
    lines: [
      `strip=${target.triple}-strip`,
      `$strip --strip-unneeded -o lib/libc.so /libraries/musl/${sysrootDirectory(target)}/lib/libc.so`,
      ...loaderLinks(target),
      `for name in ${requiredLibraries(target).join(' ')}; do`,
      `  $strip --strip-unneeded -o lib/$name /libraries/gcc/${target.triple}/lib/$name`,
      `done`,
      `for name in ${optionalLibraries.join(' ')}; do`,
      `  file=/libraries/gcc/${target.triple}/lib/$name`,
      `  if [ -e $file ]; then $strip --strip-unneeded -o lib/$name $file; fi`,
      `done`,
      executableLibraries,
    ],
  };
}

/** Those of an external toolchain with the arch's own libc: it says where they are. */
function externalLibraries(target: Arch, toolchain: Toolchain): Libraries {
  if (!toolchain.musl) return { inputs: {}, lines: [] };
  const { command } = toolchain;
  return {
    inputs: { '/': toolchainTree(toolchain) },
    lines: [
      `${command}strip --strip-unneeded -o lib/libc.so "$(${command}gcc -print-file-name=libc.so)"`,
      ...loaderLinks(target),
      `for name in ${[...requiredLibraries(target), ...optionalLibraries].join(' ')}; do`,
      `  file=$(${command}gcc -print-file-name=$name)`,
      // gcc gives back the bare name of what it does not find.
      `  if [ "$file" != $name ]; then ${command}strip --strip-unneeded -o lib/$name "$file"; fi`,
      `done`,
      executableLibraries,
    ],
  };
}

/** Lays files over the root filesystem. Its own win, and directories are united. */
function layOver(inputs: PlanInputs, base: readonly Ref[], below: Action, overlay: Ref): Action {
  return buildAction(inputs, {
    name: `root-filesystem-${inputs.target.name}/overlay`,
    description: `root filesystem for ${inputs.target.name} with the overlay`,
    tools: base,
    inputs: { '/root-filesystem': output(below, 'out'), '/overlay': overlay },
    env: baseEnvironment(inputs),
    commands: [
      run(['cp', '-R', '/root-filesystem/.', '/out']),
      shell(
        [
          'find . -mindepth 1 | sort | while IFS= read -r path; do',
          '  to=/out/${path#./}',
          '  if [ -d "$path" ] && [ ! -L "$path" ]; then',
          '    if [ -d "$to" ] && [ ! -L "$to" ]; then continue; fi',
          '    rm -f "$to"',
          '    mkdir "$to"',
          '  else',
          // Removed first: copying would write through a link.
          '    rm -f "$to"',
          '    cp -P "$path" "$to"',
          '  fi',
          'done',
        ].join('\n'),
        { cwd: '/overlay' },
      ),
    ],
    outputs: { out: '/out' },
    weight: 1,
  });
}

/** `etc/os-release`, which init reads too: what this system is, and a date that it cannot be older than. */
function osRelease(inputs: PlanInputs): string {
  const { name } = inputs.target;
  return [
    'NAME=bootstrap',
    'ID=bootstrap',
    `PRETTY_NAME="bootstrap root filesystem for ${name}"`,
    `BOOTSTRAP_ARCH=${name}`,
    `BOOTSTRAP_EPOCH=${inputs.lock.sourceDateEpoch}`,
    '',
  ].join('\n');
}

/** Tree of the user's directory `overlay`, whose files are laid over the root filesystem. */
export const overlaySetting = defineSetting<Digest>();

export const stage = defineStage({
  name: 'root-filesystem',
  summary: 'busybox, toybox, bash, init and the shared libraries',
  goals: [everything, image],
  needs: { host: hostTools, compilers: stage1 },
  settings: { toolchain: toolchainSetting, overlay: overlaySetting },
  make: ({ inputs, needs: { host, compilers }, settings: { toolchain, overlay } }) => {
    const made = rootFilesystem(inputs, {
      base: [...host.base, host.tools.bash],
      crossTools: toolchain === undefined ? compilers.target.tools : [],
      toolchain,
      targetLibraries: compilers.target,
      ...(overlay === undefined ? {} : { overlay: { kind: 'directory', name: 'overlay', digest: overlay } }),
    });
    const options = { overlay: overlay !== undefined, toolchain };
    return withPackages(made, rootFilesystemPackage(inputs, host.packing, made.tree, options));
  },
});

import {
  checkConfigProgram,
  dispensableSymbols,
  giveWayProgram,
  renderMiniConfig,
  wantedSymbols,
  type WantedSymbol,
} from '../src/inputs/kernel-config.ts';
import { imageFiles } from '../src/image/emulator.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output, run, shell, write } from '../src/plan/builder.ts';
import { everything, image as imageGoal } from './goals.ts';
import { stage as hostTools } from './host-tools.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from './inputs.ts';
import { stage as stage1 } from './stage-1.ts';
import { defineSetting, defineStage } from './stage.ts';
import { commandPrefix, machineTrees, toolchainSetting, type Toolchain } from './toolchain.ts';

export interface KernelTools {
  /** Shell, utilities (bc among them), make, m4, flex and bison. */
  readonly base: readonly Ref[];
  /** The stage-1 compiler for the target. */
  readonly crossTools: readonly Ref[];
  /** Compiles instead of `crossTools`. */
  readonly toolchain?: Toolchain | undefined;
  /** Symbols beyond those of the arch, which win over them. */
  readonly furtherSymbols?: readonly WantedSymbol[] | undefined;
  /**
   * Static libelf and zlib for the build machine, in trees with `include/` and `lib/`: where the target's kernel runs
   * objtool, not used elsewhere.
   */
  readonly objtoolLibraries?: readonly Ref[];
  /** bash for the build machine, where the target's kernel wants one; not used elsewhere. */
  readonly bash?: Ref;
}

export interface Kernel {
  readonly actions: readonly Action[];
  /**
   * Tree with the bootable image and, where the emulator wants one, the device tree (both named as in a system image),
   * `mini.config` (what was asked for) and `config` (the final configuration).
   */
  readonly ref: Ref;
}

/**
 * The target's kernel: nothing but what the generic set and the descriptor ask for. A symbol that is missing from the
 * final configuration fails the action, which names it, before anything is compiled; but where further symbols turn something off,
 * those of the generic set that depend on it are left out too.
 */
export function kernel(inputs: PlanInputs, using: KernelTools): Kernel {
  const { target } = inputs;
  const { arch, goals, image, deviceTree, objtool } = target.kernel;
  const libraries = objtool ? (using.objtoolLibraries ?? []) : [];
  const shells = target.kernel.bash === true && using.bash !== undefined ? [using.bash] : [];
  const dispensable = dispensableSymbols(target, using.furtherSymbols);
  const make = [
    'make',
    '-C',
    '/src/linux',
    'O=/build/linux',
    `ARCH=${arch}`,
    `CROSS_COMPILE=${commandPrefix(target, using.toolchain)}`,
    'HOSTCC=gcc',
    'HOSTCXX=g++',
    ...(libraries.length === 0
      ? []
      : // libelf needs zlib, so that comes last.
        ['HOSTCFLAGS=-I/libraries/include', 'HOSTLDFLAGS=-L/libraries/lib -lz']),
  ] as const;

  const action = buildAction(inputs, {
    name: `kernel-${target.name}/linux`,
    description: `kernel for ${target.name}`,
    tools: [...using.base, ...shells, ...using.crossTools],
    inputs: {
      '/': machineTrees(using.toolchain),
      '/src/linux': source(inputs, 'linux'),
      ...(libraries.length === 0 ? {} : { '/libraries': libraries }),
    },
    env: {
      ...baseEnvironment(inputs),
      KCONFIG_ALLCONFIG: '/build/mini.config',
      KBUILD_BUILD_USER: 'bootstrap',
      KBUILD_BUILD_HOST: 'bootstrap',
      KBUILD_BUILD_VERSION: '1',
    },
    commands: [
      write('/build/mini.config', renderMiniConfig(wantedSymbols(target, using.furtherSymbols))),
      write('/build/check-config.awk', checkConfigProgram),
      run([...make, 'allnoconfig']),
      ...(dispensable.length === 0
        ? []
        : [
            write('/build/dispensable.config', renderMiniConfig(dispensable)),
            write('/build/give-way.awk', giveWayProgram),
            shell(
              `awk -f give-way.awk dispensable.config linux/.config mini.config >reduced.config
              mv reduced.config mini.config`,
            ),
          ]),
      run(['awk', '-f', '/build/check-config.awk', '/build/mini.config', '/build/linux/.config']),
      // The form is one that busybox's date reads back: the kernel's own initramfs takes its times from it.
      run([
        'sh',
        '-euc',
        `KBUILD_BUILD_TIMESTAMP=$(date -u -d "@$SOURCE_DATE_EPOCH" '+%Y-%m-%d %H:%M:%S')
        export KBUILD_BUILD_TIMESTAMP
        exec "$@"`,
        'sh',
        ...make,
        ...goals,
      ]),
      run(['cp', `linux/${image}`, `/out/${imageFiles.kernel}`]),
      ...(deviceTree === undefined
        ? []
        : [run(['cp', `linux/${deviceTree}`, `/out/${imageFiles.deviceTree}`])]),
      run(['cp', 'linux/.config', '/out/config']),
      run(['cp', 'mini.config', '/out/mini.config']),
    ],
    outputs: { kernel: '/out' },
    weight: 420,
    memory: 1024,
  });
  return { actions: [action], ref: output(action, 'kernel') };
}

/** Further symbols of the kernel, which win over those of the descriptor. In order of name. */
export const kernelSymbolsSetting = defineSetting<readonly WantedSymbol[]>();

export const stage = defineStage({
  name: 'kernel',
  summary: 'bootable kernel with its device tree',
  goals: [everything, imageGoal],
  needs: { host: hostTools, compilers: stage1 },
  settings: { toolchain: toolchainSetting, furtherSymbols: kernelSymbolsSetting },
  make: ({ inputs, needs: { host, compilers }, settings: { toolchain, furtherSymbols } }) => {
    const { m4, flex, bison, bash } = host.tools;
    return kernel(inputs, {
      base: [...host.base, m4, flex, bison],
      crossTools: toolchain === undefined ? compilers.target.tools : [],
      toolchain,
      furtherSymbols,
      objtoolLibraries: [host.libraries.libelf, host.libraries.zlib],
      bash,
    });
  },
});

import { quoteWord } from '../../src/core/shell-word.ts';
import type { Arch } from '../../src/inputs/arch.ts';
import type { Command, Platform } from '../../src/plan/action.ts';
import { write } from '../../src/plan/builder.ts';
import type { PlanInputs } from '../inputs.ts';
import { processorOf } from '../machine.ts';

/** The machine that builds the chunks of a system. */
export type Builder =
  /** Guests of an arch: the target, or another one whose machine runs the target's programs. */
  | { readonly kind: 'guests'; readonly arch: Arch }
  /** The build machine itself, which runs the target's programs. */
  | { readonly kind: 'build' };

/** The machine that builds chunks, as their platform. */
export function builderPlatform({ build, target }: PlanInputs, builder: Builder): Platform {
  const own = processorOf(target);
  const platform: Platform =
    builder.kind === 'build' ? build : { os: 'linux', cpu: processorOf(builder.arch) };
  return platform.cpu === own ? platform : { ...platform, alsoRuns: [own] };
}

/** The arch of a system's guests, which compose it even if its chunks are built on the build machine. */
export function guestArch(target: Arch, builder: Builder): Arch {
  return builder.kind === 'build' ? target : builder.arch;
}

/**
 * The machine for actions that need a root who may do what root may, such as making devices. Chunks that are built on the build
 * machine, as an ordinary user, have no such root.
 */
export function guestPlatform(inputs: PlanInputs, builder: Builder): Platform {
  const arch = guestArch(inputs.target, builder);
  return { ...builderPlatform(inputs, { kind: 'guests', arch }), superuser: true };
}

const machineDirectory = '/build/machine';

/** What makes a builder of another arch look like the target to programs that ask what machine they are on. */
export interface MachineNames {
  readonly commands: readonly Command[];
  /** Directories for the beginning of PATH. */
  readonly path: readonly string[];
  /** Words before a command. */
  readonly prefix: readonly string[];
}

/**
 * A `uname` that names the target, and for an arch of 32 bits the kernel's own view of such programs, for those that do not ask
 * `uname`.
 */
export function machineNames({ target }: PlanInputs, { cpu }: Platform): MachineNames {
  if (cpu === processorOf(target)) return { commands: [], path: [], prefix: [] };
  const name = target.unameMachines[0] ?? target.name;
  const busybox = '/tools/bin/busybox';
  const uname = `#!/tools/bin/sh
machine=$(${busybox} uname -m)
${busybox} uname "$@" | ${busybox} sed "s/\\b$machine\\b/"${quoteWord(name)}/
`;
  return {
    commands: [write(`${machineDirectory}/uname`, uname, 0o755)],
    path: [machineDirectory],
    prefix: target.bits === 32 ? [busybox, 'linux32'] : [],
  };
}

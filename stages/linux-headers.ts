import type { Arch } from '../src/inputs/arch.ts';
import type { Action, Ref } from '../src/plan/action.ts';
import { output, run, shell } from '../src/plan/builder.ts';
import { sysrootDirectory } from './compiler.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from './inputs.ts';

export interface LinuxHeadersTools {
  /** Stage that the action belongs to; undefined: `stage-1-<arch>`. */
  readonly stage?: string;
  /** Shell, utilities and make. */
  readonly base: readonly Ref[];
}

/**
 * The kernel's interface headers for programs of `arch`, in a tree with the sysroot's `usr/include/{linux,asm,…}`. Needs the
 * build machine's compiler, for the kernel's own small programs, and none for the arch.
 */
export function linuxHeaders(
  inputs: PlanInputs,
  arch: Arch,
  using: LinuxHeadersTools,
): { readonly action: Action; readonly ref: Ref } {
  const action = buildAction(inputs, {
    name: `${using.stage ?? `stage-1-${arch.name}`}/linux-headers`,
    description: `the kernel's interface headers for ${arch.triple}`,
    tools: using.base,
    inputs: { '/': { kind: 'compiler' }, '/src/linux': source(inputs, 'linux') },
    env: baseEnvironment(inputs),
    commands: [
      // `headers_install` copies with rsync; `headers` leaves the same files in the build directory.
      run([
        'make',
        '-C',
        '/src/linux',
        'O=/build/linux',
        `ARCH=${arch.kernel.arch}`,
        'HOSTCC=gcc',
        'headers',
      ]),
      shell(
        `find usr/include -type f ! -name '*.h' -exec rm {} +
        mkdir -p /out/${sysrootDirectory(arch)}/usr
        mv usr/include /out/${sysrootDirectory(arch)}/usr/include`,
        { cwd: '/build/linux' },
      ),
    ],
    outputs: { out: '/out' },
    weight: 15,
  });
  return { action, ref: output(action, 'out') };
}

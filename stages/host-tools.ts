import type { Action, Ref } from '../src/plan/action.ts';
import { output } from '../src/plan/builder.ts';
import { everything, image } from './goals.ts';
import { bash } from './host-tools/bash.ts';
import { bison } from './host-tools/bison.ts';
import { busybox } from './host-tools/busybox.ts';
import { distcc } from './host-tools/distcc.ts';
import { e2fsprogs } from './host-tools/e2fsprogs.ts';
import { flex } from './host-tools/flex.ts';
import { libelf } from './host-tools/libelf.ts';
import { m4 } from './host-tools/m4.ts';
import { make } from './host-tools/make.ts';
import { squashfsTools } from './host-tools/squashfs-tools.ts';
import { toybox } from './host-tools/toybox.ts';
import { xz } from './host-tools/xz.ts';
import { zlib } from './host-tools/zlib.ts';
import type { PlanInputs } from './inputs.ts';
import { buildMachine } from './machine.ts';
import { mathLibraries } from './math-libraries.ts';
import { defineStage } from './stage.ts';

/** A tool that actions may name; also the end of its action's name, `host-tools/<tool>`. */
export type ToolName =
  | 'busybox'
  | 'make'
  | 'bash'
  | 'm4'
  | 'bison'
  | 'flex'
  | 'toybox'
  | 'xz'
  | 'squashfs-tools'
  | 'e2fsprogs'
  | 'distcc';

/** The only programs that later stages run, beside compilers. */
export interface HostTools {
  readonly actions: readonly Action[];
  /** Tree of each tool, for an action's `tools`. bison and flex run m4: name it too. */
  readonly tools: Readonly<Record<ToolName, Ref>>;
  /** Static libraries of the build machine with their headers (`include/`, `lib/`), for programs that a build runs itself. */
  readonly libraries: { readonly zlib: Ref; readonly libelf: Ref };
}

/** Builds the tools in the order that they need: busybox by the machine's utilities, make by a script, the rest by those. */
export function hostTools(inputs: PlanInputs): HostTools {
  const shell = busybox(inputs);
  const base = { busybox: shell, make: make(inputs, { busybox: shell }) };
  const withBash = { ...base, bash: bash(inputs, base) };
  const withM4 = { ...base, m4: m4(inputs, base) };
  const withBison = { ...withM4, bison: bison(inputs, withM4) };
  const withFlex = { ...withBison, flex: flex(inputs, withBison) };
  const z = zlib(inputs, base);
  const elf = libelf(inputs, withFlex, z);
  const tools: Readonly<Record<ToolName, Action>> = {
    ...withBash,
    ...withFlex,
    toybox: toybox(inputs, withBash),
    xz: xz(inputs, base),
    'squashfs-tools': squashfsTools(inputs, base, z),
    e2fsprogs: e2fsprogs(inputs, base),
    distcc: distcc(inputs, base),
  };
  return {
    actions: [...Object.values(tools), z, elf],
    tools: refs(tools),
    libraries: { zlib: output(z, 'out'), libelf: output(elf, 'out') },
  };
}

export const stage = defineStage({
  name: 'host-tools',
  summary: 'shell, make and every utility that later stages run',
  goals: [everything, image],
  tools: true,
  make: ({ inputs }) => {
    const host = hostTools(inputs);
    const { busybox, make, m4, toybox } = host.tools;
    const base = [busybox, make];
    const math = mathLibraries(inputs, 'host-tools', buildMachine(inputs.build), [...base, m4]);
    return {
      ...host,
      actions: [...host.actions, ...math.actions],
      /** Shell, utilities and make. */
      base,
      /** What packages are made with. */
      packing: [busybox, toybox],
      /** gmp, mpfr and mpc for the build machine. */
      mathLibraries: math.refs,
    };
  },
});

function refs<Name extends string>(actions: Readonly<Record<Name, Action>>): Record<Name, Ref> {
  const entries = Object.entries<Action>(actions).map(([name, action]) => [name, output(action, 'out')]);
  return Object.fromEntries(entries) as Record<Name, Ref>;
}

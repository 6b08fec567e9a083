import type { WantedSymbol } from '../src/inputs/kernel-config.ts';
import { actionName, type ActionName } from '../src/plan/names.ts';
import { kernelConfiguration, kernelFacts } from './arch-check/kernel.ts';
import { toolchainFacts, toolchainFiles, type ToolchainQuestion } from './arch-check/toolchain.ts';
import { hostTools } from './host-tools.ts';
import type { PlanInputs } from './inputs.ts';
import type { DeclaredPlan } from './stage.ts';

/** What upstream's sources are asked about an arch. Parts that are undefined are not asked. */
export interface ArchQuestions {
  /** Of the arch: the actions bear it. */
  readonly name: string;
  readonly toolchain?: Omit<ToolchainQuestion, 'name'>;
  readonly kernel?: {
    /** Kernel `ARCH=`. */
    readonly arch: string;
    /** Undefined: only what there is, without a configuration. */
    readonly symbols?: readonly WantedSymbol[];
  };
}

/** The actions that answer; the one output of each is `out`. */
export function checkActions(name: string): {
  readonly toolchain: ActionName;
  readonly kernelFacts: ActionName;
  readonly kernelConfiguration: ActionName;
} {
  return {
    toolchain: actionName(`check-${name}/toolchain`),
    kernelFacts: actionName(`check-${name}/kernel-facts`),
    kernelConfiguration: actionName(`check-${name}/kernel-configuration`),
  };
}

/** Questions to the sources of gcc, binutils, musl and the kernel, as a plan. Compiles nothing but kconfig. */
export function archCheck(inputs: PlanInputs, questions: ArchQuestions): DeclaredPlan {
  const host = hostTools(inputs);
  const { busybox, make, m4, flex, bison } = host.tools;
  const { name, toolchain, kernel } = questions;
  const files = toolchainFiles(inputs, [busybox]);
  const actions = [
    ...(toolchain === undefined ? [] : [toolchainFacts(inputs, { name, ...toolchain }, files, [busybox])]),
    ...(kernel === undefined ? [] : [kernelFacts(inputs, name, kernel.arch, [busybox])]),
    ...(kernel?.symbols === undefined
      ? []
      : [
          kernelConfiguration(inputs, { name, arch: kernel.arch, symbols: kernel.symbols }, [
            busybox,
            make,
            m4,
            flex,
            bison,
          ]),
        ]),
  ];
  return {
    actions: [...host.actions, ...(toolchain === undefined ? [] : [files]), ...actions],
    products: [],
    goals: actions.map((action) => action.name),
  };
}

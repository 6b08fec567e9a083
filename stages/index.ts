import type { Action, Product } from '../src/plan/action.ts';
import type { ActionName } from '../src/plan/names.ts';
import { crossCompiler } from './cross-compiler.ts';
import type { Goal } from './goal.ts';
import { hostTools } from './host-tools.ts';
import type { PlanInputs } from './inputs.ts';
import { kernel } from './kernel.ts';
import { archMachine, buildMachine } from './machine.ts';
import { mathLibraries } from './math-libraries.ts';
import { nativeCompiler } from './native-compiler.ts';
import {
  crossCompilerPackage,
  nativeCompilerPackage,
  rootFilesystemPackage,
  systemImagePackage,
} from './products.ts';
import { rootFilesystem } from './root-filesystem.ts';
import { stage1 } from './stage-1.ts';
import { systemImage } from './system-image.ts';

/** What all stages declare for a goal: the parts of which `assemblePlan` makes a plan. */
export interface DeclaredPlan {
  readonly actions: readonly Action[];
  readonly products: readonly Product[];
  readonly goals: readonly ActionName[];
}

/** Calls the stages in their order, each with what those before it made. */
export function planFor(inputs: PlanInputs, goal: Goal): DeclaredPlan {
  const host = hostTools(inputs);
  const { tools } = host;
  const base = [tools.busybox, tools.make];
  const packing = [tools.busybox, tools.toybox];
  const build = mathLibraries(inputs, 'host-tools', buildMachine(inputs.build), [...base, tools.m4]);

  const target = stage1(inputs, inputs.target, { base, mathLibraries: build.refs });
  const { toolchain } = goal;
  const compiledBy = { crossTools: toolchain === undefined ? target.tools : [], toolchain };
  const linux = kernel(inputs, {
    base: [...base, tools.m4, tools.flex, tools.bison],
    ...compiledBy,
    furtherSymbols: goal.kernelSymbols,
    objtoolLibraries: [host.libraries.libelf, host.libraries.zlib],
    bash: tools.bash,
  });
  const root = rootFilesystem(inputs, {
    base: [...base, tools.bash],
    ...compiledBy,
    targetLibraries: target,
    ...(goal.overlay === undefined
      ? {}
      : { overlay: { kind: 'directory', name: 'overlay', digest: goal.overlay } }),
  });
  const common = [...host.actions, ...build.actions, ...target.actions, ...linux.actions, ...root.actions];

  const targetLibraries = mathLibraries(
    inputs,
    `stage-1-${inputs.target.name}`,
    archMachine(inputs.target, target.tools),
    [...base, tools.m4],
  );
  const native = nativeCompiler(inputs, { base, target, mathLibraries: targetLibraries.refs });
  const kind = goal.image ?? 'initramfs';
  const overlay = goal.overlay !== undefined;
  const withNative = goal.kind === 'everything' || goal.withNative;
  const image = systemImage(inputs, {
    base,
    squashfsTools: tools['squashfs-tools'],
    e2fsprogs: tools.e2fsprogs,
    kernel: linux.ref,
    rootFilesystem: root.tree,
    busybox: root.busybox,
    anyNames: overlay,
    kind,
    ...(withNative ? { nativeCompiler: native.tree } : {}),
  });
  const imageProducts = [
    rootFilesystemPackage(inputs, packing, root.tree, { overlay, toolchain }),
    systemImagePackage(inputs, packing, image.tree, { withNative, kind, overlay, toolchain }),
    ...(withNative ? [nativeCompilerPackage(inputs, packing, native.tree)] : []),
  ];
  const imageActions = [
    ...common,
    ...(withNative ? [...targetLibraries.actions, ...native.actions] : []),
    ...image.actions,
    ...imageProducts.flatMap((product) => product.actions),
  ];
  const imagePlan = {
    actions: imageActions,
    products: imageProducts.flatMap((product) => product.products),
    goals: withNative ? native.tests : [],
  };
  if (goal.kind === 'image') return imagePlan;

  const ownHost = inputs.host.name === inputs.target.name;
  const hostStage1 = ownHost ? target : stage1(inputs, inputs.host, { base, mathLibraries: build.refs });
  const hostLibraries = ownHost
    ? targetLibraries
    : mathLibraries(inputs, `stage-1-${inputs.host.name}`, archMachine(inputs.host, hostStage1.tools), [
        ...base,
        tools.m4,
      ]);
  const cross = crossCompiler(inputs, { base, host: hostStage1, target, mathLibraries: hostLibraries.refs });
  const crossPackage = crossCompilerPackage(inputs, packing, cross.tree);
  return {
    actions: [
      ...imagePlan.actions,
      ...(ownHost ? [] : [...hostStage1.actions, ...hostLibraries.actions]),
      ...cross.actions,
      ...crossPackage.actions,
    ],
    products: [...imagePlan.products, ...crossPackage.products],
    goals: [...imagePlan.goals, ...cross.tests],
  };
}

import { readFile } from 'node:fs/promises';
import type { ImageKind } from '../../stages/image-kinds.ts';
import { stages } from '../../stages/index.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import { kernelSymbolsSetting } from '../../stages/kernel.ts';
import { stage as nativeCompiler } from '../../stages/native-compiler.ts';
import { findGoal, planGoal } from '../../stages/registry.ts';
import { overlaySetting } from '../../stages/root-filesystem.ts';
import { selectStages } from '../../stages/select.ts';
import type { GivenSetting } from '../../stages/stage.ts';
import { imageKindSetting } from '../../stages/system-image.ts';
import { toolchainSetting, type Toolchain } from '../../stages/toolchain.ts';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { parseKernelFragment } from '../inputs/kernel-fragment.ts';
import type { AskedVersions } from '../inputs/versions.ts';
import type { WantedSymbol } from '../inputs/kernel-config.ts';
import type { Arch } from '../inputs/arch.ts';
import type { Plan } from '../plan/action.ts';
import { narrowPlan } from '../plan/narrow.ts';
import { errorCode } from '../core/fault.ts';
import { loadRepository, planInputs, type PlanNames, type Repository } from './load-inputs.ts';
import { unknownAction } from '../core/nearest.ts';
import { digestOverlay, type GivenDirectory, type UserDirectory } from './overlay.ts';
import type { ToolchainRequest, UserToolchain } from './user-toolchain.ts';

/** What is to be built. */
export interface AskedGoal {
  /** Name of a goal that stages serve. */
  readonly kind: string;
  /** Whether to include the native compiler, for goals that can do without it. */
  readonly withNative: boolean;
  /** How the root filesystem reaches the guest. Undefined: as an initramfs. */
  readonly image?: ImageKind;
}

/** What the command line requests; names are as the user wrote them. */
export interface PlanRequest {
  readonly arch: string;
  /** Directories with descriptors beside `arches/`; absolute. Undefined: none. */
  readonly archDirectories?: readonly string[];
  /** Versions of sources. Undefined: the default set. */
  readonly versions?: AskedVersions;
  readonly host?: string;
  /** `--target-compiler`: see `PlanNames`. */
  readonly targetCompiler?: string;
  readonly goal: AskedGoal;
  /** Directory whose files are laid over the root filesystem; absolute. */
  readonly overlay?: string;
  /** External toolchain that builds an image instead of stage 1. */
  readonly toolchain?: ToolchainRequest;
  /** File with further symbols of the kernel; absolute. */
  readonly kernelConfig?: string;
  /** Stage name or id. */
  readonly until?: string;
  readonly only?: string;
  /** One action with what it needs, and no product. */
  readonly onlyAction?: string;
}

/** The user's inputs to a plan, in the form that stages take. */
export interface PlanSettings {
  /** Digest of the overlay. */
  readonly overlay?: Digest;
  readonly toolchain?: Toolchain;
  /** Further symbols of the kernel. */
  readonly kernelSymbols?: readonly WantedSymbol[];
}

export interface SelectedPlan extends PlanSettings {
  readonly repository: Repository;
  readonly inputs: PlanInputs;
  readonly plan: Plan;
  /** The user's directories that the plan names, by that name. */
  readonly directories: ReadonlyMap<string, GivenDirectory>;
}

/**
 * The compiler that built an image of an arch that is there already: an image names no host, and is built again by the same one.
 * Undefined: there is no image, or nothing says how it was built.
 */
export type EarlierCompiler = (
  arch: string,
  repository: Repository,
) => Promise<Required<Pick<PlanNames, 'host' | 'targetCompiler'>> | undefined>;

/**
 * From the command line to a plan: reads the repository, touches neither network nor store.
 *
 * @param earlier asked where an image is wanted and the request names neither host nor compiler
 */
export async function selectPlan(
  root: string,
  request: PlanRequest,
  earlier: EarlierCompiler = () => Promise.resolve(undefined),
): Promise<Result<SelectedPlan, Failure>> {
  const repository = await loadRepository(root, request);
  if (!repository.ok) return repository;
  const inputs = await imageInputs(repository.value, request, earlier);
  if (!inputs.ok) return inputs;
  const given = await readGiven(request, inputs.value.target);
  if (!given.ok) return given;
  const { overlay, toolchain, kernelSymbols } = given.value;
  const further = {
    ...(overlay === undefined ? {} : { overlay: overlay.tree }),
    ...(toolchain === undefined ? {} : { toolchain: toolchain.description }),
    ...(kernelSymbols === undefined ? {} : { kernelSymbols }),
  };
  const whole = wholePlan(inputs.value, request.goal, further);
  if (!whole.ok) return whole;
  const plan = narrow(whole.value, request);
  if (!plan.ok) return plan;
  const directories = new Map<string, GivenDirectory>();
  if (overlay !== undefined) directories.set('overlay', overlay.directory);
  if (toolchain !== undefined) directories.set('toolchain', toolchain.files);
  return ok({
    repository: repository.value,
    inputs: inputs.value,
    plan: plan.value,
    ...further,
    directories,
  });
}

/** All inputs of a plan, for the compiler that built the arch's earlier image if the user leaves that open. */
export async function imageInputs(
  repository: Repository,
  request: Pick<PlanRequest, 'arch' | 'host' | 'targetCompiler' | 'goal' | 'toolchain'>,
  earlier: EarlierCompiler,
): Promise<Result<PlanInputs, Failure>> {
  const { arch, host, targetCompiler, goal, toolchain } = request;
  const isOpen = host === undefined && targetCompiler === undefined && toolchain === undefined;
  if (goal.kind !== 'image' || !isOpen) return planInputs(repository, request);
  const target = await repository.arches.find(arch, 'arch');
  if (!target.ok) return target;
  return planInputs(repository, { arch, ...(await earlier(target.value.name, repository)) });
}

/** The user's inputs to a plan. */
interface Given {
  readonly overlay: UserDirectory | undefined;
  readonly toolchain: UserToolchain | undefined;
  readonly kernelSymbols: readonly WantedSymbol[] | undefined;
}

async function readGiven(request: PlanRequest, target: Arch): Promise<Result<Given, Failure>> {
  const misused = toolchainMisuse(request);
  if (misused !== undefined) return failed(misused);
  const { overlay: directory, toolchain: wanted, kernelConfig: file } = request;
  const kernelSymbols = file === undefined ? ok(undefined) : await readKernelConfig(file);
  if (!kernelSymbols.ok) return kernelSymbols;
  const overlay = directory === undefined ? ok(undefined) : await digestOverlay(directory);
  if (!overlay.ok) return overlay;
  // Loaded on demand, so that a plan without it does not wait for it.
  const toolchain =
    wanted === undefined
      ? ok(undefined)
      : await (await import('./user-toolchain.ts')).findToolchain(wanted, target);
  if (!toolchain.ok) return toolchain;
  return ok({ overlay: overlay.value, toolchain: toolchain.value, kernelSymbols: kernelSymbols.value });
}

/** An external toolchain can build what boots, but none of our compilers. */
function toolchainMisuse({ arch, goal, toolchain }: PlanRequest): Failure | undefined {
  if (toolchain === undefined || (goal.kind === 'image' && !goal.withNative)) return undefined;
  const image = `bootstrap image ${arch} --toolchain ${toolchain.prefix}`;
  return goal.kind === 'image'
    ? {
        reason: 'bad-option',
        option: '--toolchain',
        value: toolchain.prefix,
        why: 'cannot be combined with --with-native: only our own stage 1 builds a native compiler',
        hint: `Omit one of them: \`bootstrap image ${arch} --with-native\` or \`${image}\`.`,
      }
    : {
        reason: 'bad-option',
        option: '--toolchain',
        value: toolchain.prefix,
        why: 'builds only an image: compilers are built by our own stage 1',
        hint: `Build the image: \`${image}\`.`,
      };
}

async function readKernelConfig(file: string): Promise<Result<readonly WantedSymbol[], Failure>> {
  try {
    return parseKernelFragment(await readFile(file, 'utf8'), file);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    return failed({
      reason: 'unreadable-user-file',
      what: 'the kernel configuration',
      path: file,
      code,
      hint: 'Name a file with lines such as CONFIG_KEXEC=y and # CONFIG_IPV6 is not set.',
    });
  }
}

/** The plan for a goal, with every stage that belongs to it. */
export function wholePlan(
  inputs: PlanInputs,
  asked: AskedGoal,
  { overlay, toolchain, kernelSymbols }: PlanSettings = {},
): Result<Plan, Failure> {
  const goal = findGoal(stages, asked.kind);
  if (!goal.ok) return goal;
  const settings: readonly GivenSetting[] = [
    ...(asked.image === undefined ? [] : [imageKindSetting.is(asked.image)]),
    ...(overlay === undefined ? [] : [overlaySetting.is(overlay)]),
    ...(toolchain === undefined ? [] : [toolchainSetting.is(toolchain)]),
    ...(kernelSymbols === undefined ? [] : [kernelSymbolsSetting.is(kernelSymbols)]),
  ];
  return planGoal(stages, inputs, {
    goal: goal.value,
    also: asked.withNative ? [nativeCompiler] : [],
    settings,
  });
}

function narrow(plan: Plan, { onlyAction, until, only }: PlanRequest): Result<Plan, Failure> {
  if (onlyAction !== undefined) return narrowToAction(plan, onlyAction);
  if (until !== undefined) return selectStages(stages, plan, { kind: 'until', stage: until });
  if (only !== undefined) return selectStages(stages, plan, { kind: 'only', stage: only });
  return ok(plan);
}

function narrowToAction(plan: Plan, name: string): Result<Plan, Failure> {
  const names = plan.actions.map((action) => action.name);
  const wanted = names.filter((known) => known === name);
  if (wanted.length === 0) return failed(unknownAction(name, names));
  return ok(narrowPlan(plan, wanted, []));
}

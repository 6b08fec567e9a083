import { readFile } from 'node:fs/promises';
import { planFor } from '../../stages/index.ts';
import { MissingInput, type PlanInputs } from '../../stages/inputs.ts';
import type { Goal } from '../../stages/goal.ts';
import type { Toolchain } from '../../stages/toolchain.ts';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { parseKernelFragment } from '../inputs/kernel-fragment.ts';
import type { WantedSymbol } from '../inputs/kernel-config.ts';
import type { Arch } from '../inputs/arch.ts';
import type { Plan } from '../plan/action.ts';
import { assemblePlan, neededActions } from '../plan/assemble.ts';
import { sourceId, sourceIdsOf } from '../plan/graph.ts';
import { narrowPlan } from '../plan/select.ts';
import { errorCode } from '../core/fault.ts';
import { loadRepository, planInputs, type Repository } from './load-inputs.ts';
import { nearest, unknownAction } from '../core/nearest.ts';
import { digestOverlay, type GivenDirectory, type UserDirectory } from './overlay.ts';
import type { ToolchainRequest, UserToolchain } from './user-toolchain.ts';

/** What the command line asks for; names are the user's own words. */
export interface PlanRequest {
  readonly arch: string;
  /** Directories with descriptors beside `arches/`; absolute. Undefined: none. */
  readonly archDirectories?: readonly string[];
  readonly host?: string;
  readonly goal: Pick<Goal, 'kind' | 'withNative' | 'image'>;
  /** Directory whose files are laid over the root filesystem; absolute. */
  readonly overlay?: string;
  /** Compiler from elsewhere that builds an image in the place of stage 1. */
  readonly toolchain?: ToolchainRequest;
  /** File with further symbols of the kernel; absolute. */
  readonly kernelConfig?: string;
  /** Stage name or id. */
  readonly until?: string;
  readonly only?: string;
  /** One action with what it needs, and no product. */
  readonly onlyAction?: string;
}

export interface SelectedPlan {
  readonly repository: Repository;
  readonly inputs: PlanInputs;
  readonly plan: Plan;
  /** Digest of the overlay. */
  readonly overlay?: Digest;
  readonly toolchain?: Toolchain;
  /** Further symbols of the kernel. */
  readonly kernelSymbols?: readonly WantedSymbol[];
  /** Directories of the user's that the plan names, by that name. */
  readonly directories: ReadonlyMap<string, GivenDirectory>;
}

/** From the command line to a plan: reads the repository, touches neither network nor store. */
export async function selectPlan(root: string, request: PlanRequest): Promise<Result<SelectedPlan, Failure>> {
  const repository = await loadRepository(root, request.archDirectories);
  if (!repository.ok) return repository;
  const inputs = await planInputs(repository.value, request);
  if (!inputs.ok) return inputs;
  const given = await readGiven(request, inputs.value.target);
  if (!given.ok) return given;
  const { overlay, toolchain, kernelSymbols } = given.value;
  const further = {
    ...(overlay === undefined ? {} : { overlay: overlay.tree }),
    ...(toolchain === undefined ? {} : { toolchain: toolchain.description }),
    ...(kernelSymbols === undefined ? {} : { kernelSymbols }),
  };
  const whole = wholePlan(inputs.value, { ...request.goal, ...further });
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

/** What the user brings to a plan. */
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
  // Loaded where it is wanted: a plan without it need not wait.
  const toolchain =
    wanted === undefined
      ? ok(undefined)
      : await (await import('./user-toolchain.ts')).findToolchain(wanted, target);
  if (!toolchain.ok) return toolchain;
  return ok({ overlay: overlay.value, toolchain: toolchain.value, kernelSymbols: kernelSymbols.value });
}

/** A compiler from elsewhere can build what boots, and no compiler of ours. */
function toolchainMisuse({ arch, goal, toolchain }: PlanRequest): Failure | undefined {
  if (toolchain === undefined || (goal.kind === 'image' && !goal.withNative)) return undefined;
  const image = `bootstrap image ${arch} --toolchain ${toolchain.prefix}`;
  return goal.kind === 'image'
    ? {
        reason: 'wrong-use',
        what: '--with-native and --toolchain exclude each other: a native compiler is made by our own stage 1 alone',
        hint: `Leave one of them out: \`bootstrap image ${arch} --with-native\` or \`${image}\`.`,
      }
    : {
        reason: 'wrong-use',
        what: '--toolchain builds an image alone: compilers are made by our own stage 1',
        hint: `Ask for the image: \`${image}\`.`,
      };
}

async function readKernelConfig(file: string): Promise<Result<readonly WantedSymbol[], Failure>> {
  try {
    return parseKernelFragment(await readFile(file, 'utf8'), file);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    return failed({
      reason: 'wrong-use',
      what: `the kernel configuration ${file} cannot be read (${code})`,
      hint: 'Name a file with lines like CONFIG_KEXEC=y and # CONFIG_IPV6 is not set.',
    });
  }
}

/** The plan for a goal, with every stage that belongs to it. */
export function wholePlan(inputs: PlanInputs, goal: Goal): Result<Plan, Failure> {
  try {
    return assemblePlan({ ...planFor(inputs, goal), lock: inputs.lock, files: inputs.files });
  } catch (error) {
    if (!(error instanceof MissingInput)) throw error;
    return failed({ reason: 'bad-input', file: error.file, faults: [{ field: '', message: error.fault }] });
  }
}

function narrow(plan: Plan, request: PlanRequest): Result<Plan, Failure> {
  if (request.onlyAction !== undefined) return onlyAction(plan, request.onlyAction);
  const stage = request.until ?? request.only;
  if (stage === undefined) return ok(plan);
  const narrowed = narrowPlan(plan, { kind: request.until === undefined ? 'only' : 'until', stage });
  if (narrowed.ok || narrowed.failure.reason !== 'unknown-name') return narrowed;
  const { failure } = narrowed;
  return failed({ ...failure, nearest: nearest(failure.name, failure.known) });
}

function onlyAction(plan: Plan, name: string): Result<Plan, Failure> {
  const names = plan.actions.map((action) => action.name);
  const wanted = names.filter((known) => known === name);
  if (wanted.length === 0) return failed(unknownAction(name, names));
  const actions = neededActions(plan.actions, [], wanted);
  const used = sourceIdsOf(actions);
  return ok({
    actions,
    sources: plan.sources.filter((source) => used.has(sourceId(source))),
    products: [],
    goals: wanted,
  });
}

import { planFor } from '../../stages/index.ts';
import { MissingInput, type PlanInputs } from '../../stages/inputs.ts';
import type { Goal } from '../../stages/goal.ts';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Plan } from '../plan/action.ts';
import { assemblePlan, neededActions } from '../plan/assemble.ts';
import { sourceId, sourceIdsOf } from '../plan/graph.ts';
import { narrowPlan } from '../plan/select.ts';
import { loadRepository, planInputs, type Repository } from './load-inputs.ts';
import { nearest, unknownAction } from './nearest.ts';
import { digestOverlay } from './overlay.ts';

/** What the command line asks for; names are the user's own words. */
export interface PlanRequest {
  readonly arch: string;
  /** Directories with descriptors beside `arches/`; absolute. Undefined: none. */
  readonly archDirectories?: readonly string[];
  readonly host?: string;
  readonly goal: Omit<Goal, 'overlay'>;
  /** Directory whose files are laid over the root filesystem; absolute. */
  readonly overlay?: string;
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
  /** Directories of the user's that the plan names, by that name. Absolute. */
  readonly directories: ReadonlyMap<string, string>;
}

/** From the command line to a plan: reads the repository, touches neither network nor store. */
export async function selectPlan(root: string, request: PlanRequest): Promise<Result<SelectedPlan, Failure>> {
  const repository = await loadRepository(root, request.archDirectories);
  if (!repository.ok) return repository;
  const inputs = await planInputs(repository.value, request);
  if (!inputs.ok) return inputs;
  const overlay = request.overlay === undefined ? ok(undefined) : await digestOverlay(request.overlay);
  if (!overlay.ok) return overlay;
  const laidOver = overlay.value === undefined ? {} : { overlay: overlay.value.tree };
  const whole = wholePlan(inputs.value, { ...request.goal, ...laidOver });
  if (!whole.ok) return whole;
  const plan = narrow(whole.value, request);
  if (!plan.ok) return plan;
  const directories = new Map(overlay.value === undefined ? [] : [['overlay', overlay.value.directory]]);
  return ok({
    repository: repository.value,
    inputs: inputs.value,
    plan: plan.value,
    ...laidOver,
    directories,
  });
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

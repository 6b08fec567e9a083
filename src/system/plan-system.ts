import {
  artefactActionName,
  chunkActionName,
  guestParts,
  systemSetting,
  type SystemRequest,
} from '../../stages/chunk.ts';
import { guestArch, type Builder } from '../../stages/chunk/builder.ts';
import type { SystemFormat } from '../../stages/chunk/formats.ts';
import { system as systemGoal } from '../../stages/goals.ts';
import { stages } from '../../stages/index.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import { processorOf } from '../../stages/machine.ts';
import { planGoal } from '../../stages/registry.ts';
import type { Failure } from '../core/failure.ts';
import { unknownName } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { baserockArches } from '../definitions/arches.ts';
import type { Pins } from '../definitions/pins.ts';
import { chunksOf } from '../definitions/read-system.ts';
import type { Chunk, System } from '../definitions/definition.ts';
import type { Arch } from '../inputs/arch.ts';
import { planIds } from '../plan/bind.ts';
import type { PlanId } from '../plan/names.ts';
import type { Plan } from '../plan/action.ts';
import { narrowPlan } from '../plan/narrow.ts';
import { ownMachine, planInputs, type Repository } from '../repository/load-inputs.ts';

/** What is wanted of a system. */
export interface SystemWanted {
  readonly system: System;
  readonly pins: Pins;
  /** Names or ids of chunks. Undefined: all. */
  readonly only?: readonly string[];
  /** Forms in which the system is wanted. Undefined: as a tar archive. */
  readonly formats?: readonly SystemFormat[];
  /** Whether tests run. */
  readonly check: boolean;
  /** As in `SystemRequest`. */
  readonly root?: SystemRequest['root'];
  /** As in `PlanNames`. */
  readonly host?: string;
  readonly targetCompiler?: string;
  /** Name of the arch whose guests build the chunks, or `ownMachine`. Undefined: this machine where it runs the arch's programs. */
  readonly builder?: string;
}

/** What guests are, and how they are made. */
export interface PlannedGuests {
  readonly arch: Arch;
  /** GNU names of processors whose programs they run beside their own. */
  readonly alsoRuns: readonly string[];
  /** Makes what `guestParts` names. */
  readonly plan: Plan;
}

/** The plan of a system. */
export interface PlannedSystem {
  readonly system: System;
  readonly inputs: PlanInputs;
  /** Whole: compilers, tools and chunks. */
  readonly plan: Plan;
  readonly guests: PlannedGuests;
  /** Chunks that were asked for, in the order of building. Undefined: the whole system. */
  readonly chunks?: readonly Chunk[];
}

/**
 * Plans the chunks of a system with everything that they are built by. Fails with
 * `unknown-name` for a chunk that it does not have or an arch that there is not, and as `planInputs` does.
 */
export async function planSystem(
  repository: Repository,
  { system, pins, only, check, formats = ['tar'], builder: builderName, root, ...names }: SystemWanted,
): Promise<Result<PlannedSystem, Failure>> {
  const inputs = await planInputs(repository, { ...names, arch: archOf(system) });
  if (!inputs.ok) return inputs;
  const { target } = inputs.value;
  const builder = await chooseBuilder(repository, inputs.value, builderName);
  if (!builder.ok) return builder;
  const guests = await planGuests(repository, names, target, guestArch(target, builder.value));
  if (!guests.ok) return guests;
  const chunks = chosenChunks(system, only);
  if (!chunks.ok) return chunks;
  const ids = chunks.value?.map(({ id }) => id);
  const request = {
    system,
    pins,
    lock: repository.lock.sources,
    check,
    formats,
    builder: builder.value,
    ...(root === undefined ? {} : { root }),
    ...(ids === undefined ? {} : { only: ids }),
  };
  const plan = planGoal(stages, inputs.value, {
    goal: systemGoal,
    settings: [systemSetting.is(request)],
  });
  if (!plan.ok) return plan;
  const wanted = (ids ?? []).map((id) => artefactActionName(target.name, id));
  return ok({
    system,
    inputs: inputs.value,
    plan: narrowPlan(plan.value, wanted, plan.value.products),
    guests: guests.value,
    ...(chunks.value === undefined ? {} : { chunks: chunks.value }),
  });
}

async function chooseBuilder(
  { arches, runs }: Repository,
  { build, target }: PlanInputs,
  name: string | undefined,
): Promise<Result<Builder, Failure>> {
  if (name === undefined) return ok(runs(target) ? { kind: 'build' } : { kind: 'guests', arch: target });
  const refuse = (why: string, hint: string): Result<never, Failure> =>
    failed({ reason: 'bad-option', option: '--builder', value: name, why, hint });
  if (name === ownMachine) {
    if (runs(target)) return ok({ kind: 'build' });
    return refuse(
      `programs for ${target.name} do not run on this machine`,
      'Leave the option out: guests build the chunks.',
    );
  }
  const arch = await arches.find(name, 'arch');
  if (!arch.ok) return arch;
  // To the engine, its guests would be the same as this machine, which would get the work of building compilers too.
  if (processorOf(arch.value) === build.cpu)
    return refuse('this machine is of that arch itself', `Use \`--builder ${ownMachine}\`.`);
  const runsTarget = arch.value.unameMachines.some((machine) => target.runsOn?.includes(machine));
  if (arch.value.name === target.name || runsTarget) return ok({ kind: 'guests', arch: arch.value });
  return refuse(
    `programs for ${target.name} do not run on a machine of the arch ${arch.value.name}`,
    'Name the arch of the system, or one that is in `runsOn` of its descriptor.',
  );
}

/** A plan of guests of an arch, on which programs of the target run. */
async function planGuests(
  repository: Repository,
  names: Pick<SystemWanted, 'host' | 'targetCompiler'>,
  target: Arch,
  arch: Arch,
): Promise<Result<PlannedGuests, Failure>> {
  const inputs = await planInputs(repository, { ...names, arch: arch.name });
  if (!inputs.ok) return inputs;
  const plan = planGoal(stages, inputs.value, { goal: systemGoal });
  if (!plan.ok) return plan;
  return ok({
    arch: inputs.value.target,
    alsoRuns: arch.name === target.name ? [] : [processorOf(target)],
    plan: narrowPlan(plan.value, Object.values(guestParts(arch.name)), []),
  });
}

/** Name of the arch of ours that a system is for; as it is written if there is none. */
export function archOf({ arch }: Pick<System, 'arch'>): string {
  return baserockArches[arch] ?? arch;
}

/** Chunks by their names or ids, in the order of building. Fails with `unknown-name`. Undefined: nothing is chosen. */
export function chosenChunks(
  system: System,
  only: readonly string[] | undefined,
): Result<readonly Chunk[] | undefined, Failure> {
  if (only === undefined) return ok(undefined);
  const all = chunksOf(system);
  const isNamed = (chunk: Chunk, word: string): boolean => chunk.id === word || chunk.name === word;
  const unknown = only.find((word) => !all.some((chunk) => isNamed(chunk, word)));
  if (unknown !== undefined)
    return failed(
      unknownName(
        'chunk',
        unknown,
        all.flatMap(({ id, name }) => [name, id]),
      ),
    );
  return ok(all.filter((chunk) => only.some((word) => isNamed(chunk, word))));
}

/** Plan ids of all chunks of a system, by the ids of the chunks; none if there is no arch for it. */
export async function planIdsOfChunks(
  repository: Repository,
  wanted: Omit<SystemWanted, 'only' | 'check'>,
): Promise<Result<Readonly<Record<string, PlanId>>, Failure>> {
  const { system } = wanted;
  if (!repository.arches.names.includes(archOf(system))) return ok({});
  const chunks = chunksOf(system);
  const only = chunks.map(({ id }) => id);
  const planned = await planSystem(repository, { ...wanted, only, check: false });
  if (!planned.ok) return planned;
  const { plan, inputs } = planned.value;
  const ids = planIds(plan);
  const idOf = ({ id }: Chunk): readonly (readonly [string, PlanId])[] => {
    const planId = ids.get(chunkActionName(inputs.target.name, id));
    return planId === undefined ? [] : [[id, planId]];
  };
  return ok(Object.fromEntries(chunks.flatMap(idOf)));
}

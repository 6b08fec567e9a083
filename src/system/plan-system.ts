import { artefactActionName, chunkActionName, guestParts, systemSetting } from '../../stages/chunk.ts';
import type { SystemFormat } from '../../stages/chunk/formats.ts';
import { system as systemGoal } from '../../stages/goals.ts';
import { stages } from '../../stages/index.ts';
import type { PlanInputs } from '../../stages/inputs.ts';
import { planGoal } from '../../stages/registry.ts';
import type { Failure } from '../core/failure.ts';
import { unknownName } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { baserockArches } from '../definitions/arches.ts';
import type { Pins } from '../definitions/pins.ts';
import { chunksOf } from '../definitions/read-system.ts';
import type { Chunk, System } from '../definitions/definition.ts';
import { planIds } from '../plan/bind.ts';
import type { PlanId } from '../plan/names.ts';
import type { Plan } from '../plan/action.ts';
import { narrowPlan } from '../plan/narrow.ts';
import { planInputs, type Repository } from '../repository/load-inputs.ts';

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
  /** As in `PlanNames`. */
  readonly host?: string;
  readonly targetCompiler?: string;
}

/** The plan of a system. */
export interface PlannedSystem {
  readonly system: System;
  readonly inputs: PlanInputs;
  /** Whole: compilers, tools and chunks. */
  readonly plan: Plan;
  /** Chunks that were asked for, in the order of building. Undefined: the whole system. */
  readonly chunks?: readonly Chunk[];
}

/**
 * Plans the chunks of a system with everything that they are built by. Fails with
 * `unknown-name` for a chunk that it does not have or an arch that there is not, and as `planInputs` does.
 */
export async function planSystem(
  repository: Repository,
  { system, pins, only, check, formats = ['tar'], ...names }: SystemWanted,
): Promise<Result<PlannedSystem, Failure>> {
  const inputs = await planInputs(repository, { ...names, arch: archOf(system) });
  if (!inputs.ok) return inputs;
  const chunks = chosenChunks(system, only);
  if (!chunks.ok) return chunks;
  const ids = chunks.value?.map(({ id }) => id);
  const request = {
    system,
    pins,
    lock: repository.lock.sources,
    check,
    formats,
    ...(ids === undefined ? {} : { only: ids }),
  };
  const plan = planGoal(stages, inputs.value, {
    goal: systemGoal,
    settings: [systemSetting.is(request)],
  });
  if (!plan.ok) return plan;
  const { name } = inputs.value.target;
  const wanted = (ids ?? []).map((id) => artefactActionName(name, id));
  return ok({
    system,
    inputs: inputs.value,
    plan: narrowPlan(plan.value, [...Object.values(guestParts(name)), ...wanted], plan.value.products),
    ...(chunks.value === undefined ? {} : { chunks: chunks.value }),
  });
}

/** Name of the arch of ours that a system is for; as it is written if there is none. */
export function archOf({ arch }: Pick<System, 'arch'>): string {
  return baserockArches[arch] ?? arch;
}

function chosenChunks(
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
export async function planIdsOfChunks({
  repository,
  system,
  pins,
}: {
  readonly repository: Repository;
  readonly system: System;
  readonly pins: Pins;
}): Promise<Result<Readonly<Record<string, PlanId>>, Failure>> {
  if (!repository.arches.names.includes(archOf(system))) return ok({});
  const chunks = chunksOf(system);
  const only = chunks.map(({ id }) => id);
  const planned = await planSystem(repository, { system, pins, only, check: false });
  if (!planned.ok) return planned;
  const { plan, inputs } = planned.value;
  const ids = planIds(plan);
  const idOf = ({ id }: Chunk): readonly (readonly [string, PlanId])[] => {
    const planId = ids.get(chunkActionName(inputs.target.name, id));
    return planId === undefined ? [] : [[id, planId]];
  };
  return ok(Object.fromEntries(chunks.flatMap(idOf)));
}

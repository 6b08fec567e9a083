import type { Failure } from '../core/failure.ts';
import { unknownName } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { PlannedSource } from '../plan/action.ts';
import { patchesOf } from '../plan/assemble.ts';
import { sourceId } from '../plan/graph.ts';
import { planInputs, type Repository } from './load-inputs.ts';
import { wholePlan } from './select-plan.ts';

/** Sources by name (`gcc`, or `linux@6.12.107` for a version that was not chosen) and those that arches need. */
export async function wantedSources(
  repository: Repository,
  names: readonly string[],
): Promise<Result<readonly PlannedSource[], Failure>> {
  const { lock, chosen, files, arches } = repository;
  const planned = lock.sources.map((locked) => ({
    isChosen: chosen.sources.includes(locked),
    source: {
      name: locked.name,
      version: locked.version,
      tree: locked.tree,
      patches: patchesOf(locked, files),
    } satisfies PlannedSource,
  }));
  if (names.length === 0) return ok(planned.filter(({ isChosen }) => isChosen).map(({ source }) => source));
  const wanted = new Map<string, PlannedSource>();
  for (const name of names) {
    const named = planned.find(
      ({ source, isChosen }) => versioned(source) === name || (isChosen && source.name === name),
    );
    if (named !== undefined) {
      wanted.set(sourceId(named.source), named.source);
      continue;
    }
    const inputs = await planInputs(repository, { arch: name });
    if (!inputs.ok) {
      if (inputs.failure.reason !== 'unknown-name') return inputs;
      const sources = planned.map(({ source, isChosen }) => (isChosen ? source.name : versioned(source)));
      const listing = '`bootstrap list sources` and `bootstrap list arches` list them.';
      return failed(unknownName('source or arch', name, [...arches.names, ...sources], listing));
    }
    const plan = wholePlan(inputs.value, { kind: 'everything', withNative: true });
    if (!plan.ok) return plan;
    for (const source of plan.value.sources) wanted.set(sourceId(source), source);
  }
  return ok([...wanted.values()]);
}

/** A source with its version as one word of the command line. */
function versioned(source: PlannedSource): string {
  return `${source.name}@${source.version}`;
}

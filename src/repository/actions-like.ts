import type { Failure } from '../core/failure.ts';
import { nearest } from '../core/nearest.ts';
import { ok, type Result } from '../core/result.ts';
import { imageKinds } from '../../stages/image-kinds.ts';
import { planInputs, type Repository } from './load-inputs.ts';
import { wholePlan } from './select-plan.ts';

/** The maximum number of arches to plan for. */
const most = 4;

/**
 * Names of actions that a word of the user may mean: all those for arches that the word names, exactly or nearly, and those
 * that every plan has. An action's name contains the names of its arches, so no other plan has to be made.
 */
export async function actionsLike(
  repository: Repository,
  word: string,
): Promise<Result<readonly string[], Failure>> {
  const names = new Set<string>();
  const arches = archesIn(word, repository.arches.names);
  for (const arch of arches) {
    for (const host of arches) {
      const inputs = await planInputs(repository, { arch, host });
      if (!inputs.ok) return inputs;
      // The image does not depend on the host.
      for (const image of host === arch ? imageKinds : imageKinds.slice(0, 1)) {
        const plan = wholePlan(inputs.value, { kind: 'everything', withNative: true, image });
        if (!plan.ok) return plan;
        for (const action of plan.value.actions) names.add(action.name);
      }
    }
  }
  return ok([...names].sort());
}

/** Arches whose names occur in a word, longest first; otherwise those close to a part of it; otherwise any. */
export function archesIn(word: string, names: readonly string[]): readonly string[] {
  const within = names.filter((name) => word.includes(name)).sort((a, b) => b.length - a.length);
  if (within.length > 0) return within.slice(0, most);
  const near = word.split(/[/-]/).flatMap((part) => (part === '' ? [] : nearest(part, names)));
  return [...new Set(near.length > 0 ? near : names.slice(0, 1))].slice(0, most);
}

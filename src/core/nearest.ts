import { distance } from 'fastest-levenshtein';
import type { Failure } from './failure.ts';

/** Names that the user may have meant, best first, at most three. */
export function nearest(name: string, known: readonly string[]): readonly string[] {
  const wanted = name.toLowerCase();
  // Two: transposed letters in a short name.
  const limit = (candidate: string): number =>
    Math.max(wanted.length < 4 ? 1 : 2, Math.floor(Math.max(wanted.length, candidate.length) / 3));
  return known
    .map((candidate) => ({ candidate, far: distance(wanted, candidate.toLowerCase()) }))
    .filter(
      ({ candidate, far }) =>
        far <= limit(candidate) || (wanted.length >= 3 && candidate.toLowerCase().includes(wanted)),
    )
    .sort((a, b) => a.far - b.far || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** The failure for an unknown name. `kind` is a noun: `arch`, `stage`. `listing` is as in the failure. */
export function unknownName(kind: string, name: string, known: readonly string[], listing?: string): Failure {
  return {
    reason: 'unknown-name',
    kind,
    name,
    nearest: nearest(name, known),
    known: [...known].sort(),
    ...(listing === undefined ? {} : { listing }),
  };
}

/** The failure for an action that is in no plan; `known` are all possible names. */
export function unknownAction(name: string, known: readonly string[]): Failure {
  return unknownName('action', name, known, '`bootstrap plan ARCH` lists the actions for an arch.');
}

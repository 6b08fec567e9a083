import type { Failure } from '../core/failure.ts';
import { unknownName } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { ChosenSources, Lock, LockedSource, VersionChoice, VersionsByName } from './lock.ts';

/** The versions that a user names; as they were written. */
export interface AskedVersions {
  /** Name of a set. Undefined: the default one. */
  readonly set?: string;
  /** Versions instead of those of the set, by the names of their sources. */
  readonly versions?: VersionsByName;
}

/**
 * One version of each source: those of a set, unless others are asked for. Fails with `unknown-name` for a set, and with
 * `bad-option` for a version, that the lock does not have.
 */
export function chooseVersions(lock: Lock, asked: AskedVersions = {}): Result<ChosenSources, Failure> {
  const { set = lock.defaultSet, versions = {} } = asked;
  const base = Object.hasOwn(lock.sets, set) ? lock.sets[set] : undefined;
  if (base === undefined) {
    const names = Object.keys(lock.sets);
    return failed(unknownName('set of versions', set, names, `sources.lock has ${names.join(', ')}.`));
  }
  for (const [name, version] of Object.entries(versions)) {
    const known = versionsOf(lock, name);
    if (!known.includes(version)) return failed(unknownVersion(name, version, known));
  }
  const wanted = { ...base, ...versions };
  return ok({
    choice: choiceOf(lock, wanted),
    sourceDateEpoch: lock.sourceDateEpoch,
    sources: lock.sources.filter(({ name, version }) => wanted[name] === version),
  });
}

/**
 * The shortest way to say which versions are used: the set that fits best, and what differs from it. The same versions
 * always give the same choice.
 *
 * @param versions may leave sources out, and may name versions that the lock no longer has
 */
export function choiceOf(lock: Pick<Lock, 'defaultSet' | 'sets'>, versions: VersionsByName): VersionChoice {
  const { defaultSet, sets } = lock;
  const names = [defaultSet, ...Object.keys(sets).filter((name) => name !== defaultSet)];
  return names
    .map((set): VersionChoice => {
      const other = Object.entries(versions).filter(([name, version]) => sets[set]?.[name] !== version);
      return { set, instead: Object.fromEntries(other.sort(([a], [b]) => (a < b ? -1 : 1))) };
    })
    .reduce((best, choice) => (sizeOf(choice) < sizeOf(best) ? choice : best));
}

function sizeOf({ instead }: VersionChoice): number {
  return Object.keys(instead).length;
}

/** A choice as one word: `gcc-14`, or `gcc-14+linux-6.12.107` where a version is not that of the set. */
export function choiceLabel({ set, instead }: VersionChoice): string {
  return [set, ...Object.entries(instead).map(([name, version]) => `${name}-${version}`)].join('+');
}

/** The words of a command line that make a choice. Empty for the default one. */
export function choiceWords(lock: Pick<Lock, 'defaultSet'>, choice: VersionChoice): readonly string[] {
  return [
    ...(choice.set === lock.defaultSet ? [] : ['--versions', choice.set]),
    ...Object.entries(choice.instead).flatMap(([name, version]) => [`--${name}`, version]),
  ];
}

/** What the names of output directories say of a choice: nothing for the default one, and else `+gcc-14` or the like. */
export function directorySuffix(lock: Pick<Lock, 'defaultSet'>, choice: VersionChoice): string {
  if (choice.set !== lock.defaultSet) return `+${choiceLabel(choice)}`;
  return Object.entries(choice.instead)
    .map(([name, version]) => `+${name}-${version}`)
    .join('');
}

/** The version of a source that was chosen. Undefined: there is no such source. */
export function chosenVersion({ sources }: ChosenSources, name: string): string | undefined {
  return sources.find((source) => source.name === name)?.version;
}

/** Versions of a source, in the order of the lock. */
export function versionsOf({ sources }: Pick<Lock, 'sources'>, name: string): readonly string[] {
  return sources.filter((source) => source.name === name).map(({ version }) => version);
}

/** Names of the sets that have this version of a source, in the order of the lock. */
export function setsWith({ sets }: Lock, { name, version }: LockedSource): readonly string[] {
  return Object.keys(sets).filter((set) => sets[set]?.[name] === version);
}

function unknownVersion(name: string, version: string, known: readonly string[]): Failure {
  const [near] = byNearness(version, known);
  return {
    reason: 'bad-option',
    option: `--${name}`,
    value: version,
    why:
      known.length === 0
        ? `sources.lock has no source named ${name}`
        : `sources.lock does not pin this version of ${name}`,
    hint:
      near === undefined
        ? '`bootstrap list sources` lists what there is.'
        : `Did you mean ${near}? It pins ${known.join(', ')}.`,
  };
}

/** Versions with most leading numbers in common first; among those, the ones whose next number is nearest. */
function byNearness(version: string, known: readonly string[]): readonly string[] {
  const wanted = numbersOf(version);
  const distance = (candidate: string): readonly [number, number] => {
    const numbers = numbersOf(candidate);
    const at = wanted.findIndex((number, index) => number !== numbers[index]);
    if (at < 0) return [-wanted.length, 0];
    return [-at, Math.abs((wanted[at] ?? 0) - (numbers[at] ?? 0))];
  };
  return [...known].sort((a, b) => {
    const [commonA, farA] = distance(a);
    const [commonB, farB] = distance(b);
    return commonA - commonB || farA - farB;
  });
}

function numbersOf(version: string): readonly number[] {
  return version.split(/[^0-9]+/).map(Number);
}

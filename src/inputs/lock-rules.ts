import type { Fault } from '../core/failure.ts';
import { isRecord } from '../core/json.ts';
import { nearest } from '../core/nearest.ts';

/** What the rules across sources read; any part may be malformed, which the schema reports. */
interface WrittenSource {
  readonly name?: unknown;
  readonly version?: unknown;
}

/** Versions of each source, by its name, in the order of the lock; undefined for one that is malformed. */
type KnownVersions = ReadonlyMap<string, readonly (string | undefined)[]>;

/** Begins with a letter, because JavaScript would sort names that are numbers. */
const setName = /^[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*$/;

/** Faults that span several parts of a lock: repeated versions, and sets that are not whole or name what is not there. */
export function lockFaults(written: unknown): readonly Fault[] {
  if (!isRecord(written)) return [];
  const { sources, sets, defaultSet } = written;
  const listed = (Array.isArray(sources) ? sources : []).map((source): WrittenSource =>
    isRecord(source) ? source : {},
  );
  const known = new Map<string, (string | undefined)[]>();
  for (const { name, version } of listed) {
    if (typeof name !== 'string') continue;
    known.set(name, [...(known.get(name) ?? []), typeof version === 'string' ? version : undefined]);
  }
  return [
    ...repeatedVersions(listed),
    ...(isRecord(sets) ? [...wrongSets(sets, known), ...wrongDefault(defaultSet, Object.keys(sets))] : []),
  ];
}

function repeatedVersions(sources: readonly WrittenSource[]): readonly Fault[] {
  const first = new Map<string, number>();
  return sources.flatMap(({ name, version }, index) => {
    if (typeof name !== 'string' || typeof version !== 'string') return [];
    const id = `${name} ${version}`;
    const before = first.get(id);
    if (before === undefined) {
      first.set(id, index);
      return [];
    }
    return [
      { field: `sources[${String(index)}]`, message: `repeats ${id}, which is sources[${String(before)}]` },
    ];
  });
}

function wrongDefault(defaultSet: unknown, names: readonly string[]): readonly Fault[] {
  if (typeof defaultSet !== 'string' || names.includes(defaultSet)) return [];
  const known = names.length === 0 ? 'there is none in sets' : `sets has ${names.join(', ')}`;
  return [{ field: 'defaultSet', message: `is ${defaultSet}, but ${known}` }];
}

function wrongSets(sets: Readonly<Record<string, unknown>>, known: KnownVersions): readonly Fault[] {
  const releases = [...known].flatMap(([name, versions]) =>
    versions.map((version) => `${name}-${version ?? ''}`),
  );
  // A source that no set has is used where it is named, as definitions of systems do.
  const shared = new Set(Object.values(sets).flatMap((set) => (isRecord(set) ? Object.keys(set) : [])));
  return Object.entries(sets).flatMap(([name, versions]): readonly Fault[] => {
    const field = `sets.${name}`;
    // Names of output directories are made of both.
    const misnamed = setName.test(name)
      ? releases.includes(name)
        ? [{ field, message: 'is the name of a source with a version of it; choose another name' }]
        : []
      : [{ field, message: 'must be named with lower-case letters and digits, and . - inside' }];
    if (!isRecord(versions)) return misnamed;
    const missing = [...known.keys()].filter(
      (source) => shared.has(source) && !Object.hasOwn(versions, source),
    );
    return [
      ...misnamed,
      ...(missing.length === 0 ? [] : [{ field, message: `names no version of ${missing.join(', ')}` }]),
      ...Object.entries(versions).flatMap(([source, version]) =>
        wrongVersion(`${field}.${source}`, source, version, known),
      ),
    ];
  });
}

function wrongVersion(
  field: string,
  source: string,
  version: unknown,
  known: KnownVersions,
): readonly Fault[] {
  const versions = known.get(source);
  if (versions === undefined) {
    const [near] = nearest(source, [...known.keys()]);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    return [{ field, message: `sources has no ${source}${hint}` }];
  }
  // What is no text is reported already, here or there.
  if (typeof version !== 'string' || versions.includes(version) || versions.includes(undefined)) return [];
  return [{ field, message: `sources has no ${source} ${version}; it has ${versions.join(', ')}` }];
}

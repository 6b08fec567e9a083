import type { Fault } from '../core/failure.ts';

/** What the rules across sources read; any part may be malformed, which the schema reports. */
interface WrittenSource {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly isDefault?: unknown;
}

/** Faults that span several sources: repeated versions, and names without exactly one default. */
export function lockFaults(sources: readonly unknown[]): readonly Fault[] {
  const written = sources.map((source): WrittenSource =>
    typeof source === 'object' && source !== null ? source : {},
  );
  return [...repeatedVersions(written), ...wrongDefaults(written)];
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

function wrongDefaults(sources: readonly WrittenSource[]): readonly Fault[] {
  const byName = new Map<string, { index: number; isDefault: boolean }[]>();
  sources.forEach(({ name, isDefault }, index) => {
    if (typeof name !== 'string') return;
    // A malformed `isDefault` is reported already; treating it as true avoids a second fault.
    const entry = { index, isDefault: isDefault !== false };
    byName.set(name, [...(byName.get(name) ?? []), entry]);
  });
  return [...byName].flatMap(([name, entries]) => {
    const defaults = entries.filter((entry) => entry.isDefault);
    const [only] = entries;
    if (defaults.length === 0 && only !== undefined) {
      return [
        {
          field: `sources[${String(only.index)}].isDefault`,
          message: `no version of ${name} is the default one`,
        },
      ];
    }
    return defaults.slice(1).map(({ index }) => ({
      field: `sources[${String(index)}].isDefault`,
      message: `${name} already has another default version`,
    }));
  });
}

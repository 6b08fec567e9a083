import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseRemovals, type StoreEntry } from '../../src/store/collection-policy.ts';

const day = 24 * 3600 * 1000;
const now = 1000 * day;

function entry(id: string, more: Partial<StoreEntry> = {}): StoreEntry {
  return { kind: 'tree', id, bytes: 10, lastUse: now - day, scratch: false, ...more };
}

const nothing = (): boolean => false;

function ids(entries: readonly StoreEntry[]): readonly string[] {
  return entries.map(({ id }) => id);
}

describe('chooseRemovals', () => {
  const entries = [
    entry('old', { lastUse: now - 40 * day }),
    entry('young'),
    entry('scratch', { scratch: true }),
    entry('older', { lastUse: now - 50 * day, kind: 'download' }),
  ];

  it('by age removes what has not been used for long, least recently used first', () => {
    expect(ids(chooseRemovals(entries, nothing, 0, { now, olderThan: 30 * day }))).toEqual(['older', 'old']);
    expect(chooseRemovals(entries, nothing, 0, { now, olderThan: 60 * day })).toEqual([]);
  });

  it('by size removes scratch outputs first, then the least recently used, and no more than necessary', () => {
    const removed = (maxBytes: number) => ids(chooseRemovals(entries, nothing, 5, { now, maxBytes }));
    expect(removed(45)).toEqual([]);
    expect(removed(44)).toEqual(['scratch']);
    expect(removed(35)).toEqual(['scratch']);
    expect(removed(34)).toEqual(['scratch', 'older']);
    expect(removed(0)).toEqual(['scratch', 'older', 'old', 'young']);
  });

  it('counts what is removed by age before removing more for size', () => {
    expect(ids(chooseRemovals(entries, nothing, 0, { now, maxBytes: 20, olderThan: 30 * day }))).toEqual([
      'older',
      'old',
    ]);
  });

  it('removes only scratch outputs if that is what is wanted', () => {
    expect(ids(chooseRemovals(entries, nothing, 0, { now, scratchOutputs: true }))).toEqual(['scratch']);
    expect(chooseRemovals(entries, nothing, 0, { now })).toEqual([]);
  });

  it('keeps results if only space is short', () => {
    const result = entry('result', { kind: 'result', lastUse: 0 });
    expect(chooseRemovals([result], nothing, 0, { now, maxBytes: 0 })).toEqual([]);
    expect(ids(chooseRemovals([result], nothing, 0, { now, olderThan: day }))).toEqual(['result']);
  });
});

describe('for any store and policy', () => {
  const anyEntry = fc.record({
    kind: fc.constantFrom(
      'tree' as const,
      'blob' as const,
      'result' as const,
      'log' as const,
      'download' as const,
    ),
    bytes: fc.nat(100),
    lastUse: fc.nat(now),
    scratch: fc.boolean(),
    held: fc.boolean(),
  });
  const anyEntries = fc
    .array(anyEntry, { maxLength: 30 })
    .map((list) => list.map((each, at) => ({ ...each, id: String(at) })));
  const anyPolicy = fc.record(
    {
      now: fc.constant(now),
      olderThan: fc.nat(now),
      maxBytes: fc.nat(2000),
      scratchOutputs: fc.boolean(),
    },
    { requiredKeys: ['now'] },
  );
  const sum = (entries: readonly StoreEntry[]): number =>
    entries.reduce((total, { bytes }) => total + bytes, 0);

  it('removes nothing that is protected, and nothing twice', () => {
    fc.assert(
      fc.property(anyEntries, anyPolicy, fc.nat(100), (entries, policy, other) => {
        const removed = chooseRemovals(entries, ({ held }) => held, other, policy);
        expect(removed.filter(({ held }) => held)).toEqual([]);
        expect(new Set(ids(removed)).size).toBe(removed.length);
      }),
    );
  });

  it('keeps to the size limit if possible, and removes no more entries than necessary', () => {
    fc.assert(
      fc.property(anyEntries, anyPolicy, fc.nat(100), (entries, policy, other) => {
        const removed = chooseRemovals(entries, ({ held }) => held, other, policy);
        const left = entries.filter((each) => !removed.includes(each));
        const maxBytes = policy.maxBytes ?? Infinity;
        const total = other + sum(left);
        if (total > maxBytes) expect(left.every(({ held, kind }) => held || kind === 'result')).toBe(true);
        const forRoom = removed.filter(
          ({ lastUse, scratch }) =>
            now - lastUse <= (policy.olderThan ?? Infinity) && !(policy.scratchOutputs === true && scratch),
        );
        const last = forRoom.at(-1);
        if (last !== undefined) expect(total + last.bytes).toBeGreaterThan(maxBytes);
      }),
    );
  });

  it('removes nothing for size while scratch outputs or less recently used entries remain', () => {
    fc.assert(
      fc.property(anyEntries, fc.nat(2000), (entries, maxBytes) => {
        const removed = chooseRemovals(entries, ({ held }) => held, 0, { now, maxBytes });
        const left = entries.filter(
          (each) => !removed.includes(each) && !each.held && each.kind !== 'result',
        );
        for (const kept of left) {
          for (const gone of removed) {
            expect(gone.scratch || !kept.scratch).toBe(true);
            if (gone.scratch === kept.scratch) expect(gone.lastUse).toBeLessThanOrEqual(kept.lastUse);
          }
        }
      }),
    );
  });

  it('removes everything that is too old, and nothing else without a size limit', () => {
    fc.assert(
      fc.property(anyEntries, fc.nat(now), (entries, olderThan) => {
        const removed = chooseRemovals(entries, ({ held }) => held, 0, { now, olderThan });
        const due = entries.filter(({ held, lastUse }) => !held && now - lastUse > olderThan);
        expect(ids(removed).toSorted()).toEqual(ids(due).toSorted());
      }),
    );
  });
});

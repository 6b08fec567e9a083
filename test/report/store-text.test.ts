import { expect, test } from 'vitest';
import { collectionText, sizeText, usageText, verificationText } from '../../src/report/store-text.ts';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [102_400, '100 KiB'],
  [1_048_064, '1.0 MiB'],
  [21_474_836_480, '20.0 GiB'],
  [5 * 2 ** 50, '5120 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

test('what takes room, in two tables', () => {
  const kinds = [
    { kind: 'outputs', count: 12, bytes: 3 * 2 ** 30 },
    { kind: 'downloads', count: 0, bytes: 0 },
    { kind: 'other files', count: 0, bytes: 2048 },
  ];
  const stages = [{ name: 'stage-1', trees: 12, bytes: 3 * 2 ** 30, scratchBytes: 2 ** 30 }];
  expect(usageText({ root: '/store', bytes: 3 * 2 ** 30, kinds, stages }, 20 * 2 ** 30))
    .toBe(`/store (limit 20.0 GiB)

KIND         COUNT     SIZE
outputs         12  3.0 GiB
other files         2.0 KiB
all                 3.0 GiB

STAGE    TREES     SIZE  SCRATCH
stage-1     12  3.0 GiB  1.0 GiB
`);
});

test('what was removed, and what would be', () => {
  const collected = {
    removed: [
      { kind: 'tree', scratch: true, bytes: 2048 },
      { kind: 'tree', scratch: false, bytes: 1024 },
      { kind: 'tree', scratch: false, bytes: 1024 },
    ],
    leftovers: 1,
    freedBytes: 4096,
    leftBytes: 8192,
    protectedBytes: 1024,
  };
  expect(collectionText(collected, false)).toBe(`removed
  1 scratch output, 2.0 KiB
  2 trees, 2.0 KiB
  1 leftover of killed runs
4.0 KiB are free; the store takes 8.0 KiB, of which products and running builds need 1.0 KiB
`);
  expect(collectionText({ ...collected, protectedBytes: 0 }, true)).toMatch(
    /^would remove\n[^]*4\.0 KiB would be free; the store would take 8\.0 KiB\n$/,
  );
  const nothing = { removed: [], leftovers: 0, freedBytes: 0, leftBytes: 8192, protectedBytes: 0 };
  expect(collectionText(nothing, false)).toBe('nothing to remove: the store takes 8.0 KiB\n');
});

test('what is damaged', () => {
  expect(verificationText({ checked: 1, damage: [] }, false)).toBe('1 thing read, no damage found\n');
  const damage = [{ kind: 'tree', name: 'D', detail: 'it is missing' }];
  expect(verificationText({ checked: 3, damage }, true)).toBe(`tree D: it is missing
3 things read, 1 damaged
What was damaged has been discarded; it will be rebuilt or fetched again when it is needed.
`);
});

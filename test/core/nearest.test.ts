import { expect, test } from 'vitest';
import { nearest } from '../../src/core/nearest.ts';

const arches = ['aarch64', 'armv5l', 'i686', 'x86_64'];

test.each([
  ['armv5', ['armv5l']],
  ['ARMV5L', ['armv5l']],
  ['arm', ['armv5l']],
  ['x86-64', ['x86_64']],
  ['amd64', []],
  ['zzz', []],
  ['', []],
])('%j', (name, expected) => {
  expect(nearest(name, arches)).toEqual(expected);
});

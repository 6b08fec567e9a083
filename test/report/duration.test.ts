import { expect, test } from 'vitest';
import { duration } from '../../src/report/duration.ts';

test.each([
  [0, '0.0 s'],
  [0.44, '0.4 s'],
  [9.96, '10 s'],
  [59.4, '59 s'],
  [59.6, '1 min 00 s'],
  [185, '3 min 05 s'],
  [3599.9, '1 h 00 min'],
  [3720, '1 h 02 min'],
])('%d seconds', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

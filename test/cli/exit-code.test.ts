import { describe, expect, test } from 'vitest';
import { exitCodeOf, exitCodeOfAll } from '../../src/cli/exit-code.ts';
import type { Failure } from '../../src/core/failure.ts';

const failure: Failure = { reason: 'source-unavailable', source: 'm4', attempts: [], offline: true };
const misuse: Failure = { reason: 'bad-option', option: '-j', value: '0', why: 'is too little', hint: '' };
const interrupted = (signal: string): Failure => ({ reason: 'interrupted', signal });

describe('an exit code', () => {
  test('is 2 for wrong use and bad input, 1 for what else fails', () => {
    expect(exitCodeOf(misuse)).toBe(2);
    expect(exitCodeOf({ reason: 'bad-input', file: 'sources.lock', faults: [] })).toBe(2);
    expect(exitCodeOf(failure)).toBe(1);
  });

  test.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['no signal that we catch', 1],
  ] as const)('is what shells give for a process that %s ended', (signal, code) => {
    expect(exitCodeOf(interrupted(signal))).toBe(code);
  });

  test('of several failures is that of the interruption, else of the first', () => {
    expect(exitCodeOfAll([failure, misuse])).toBe(1);
    expect(exitCodeOfAll([misuse, failure])).toBe(2);
    expect(exitCodeOfAll([failure, interrupted('SIGINT')])).toBe(130);
  });
});

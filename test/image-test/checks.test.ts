import { describe, expect, it } from 'vitest';
import {
  checksOf,
  isSound,
  judgeClock,
  mergeReports,
  readReport,
  rowsOf,
  type Circumstances,
  type Said,
} from '../../src/image-test/checks.ts';

const names = { programs: ['numbers'], musl: ['qsort'] };
const checks = checksOf(names);
const nonce = 'abc123';

function circumstances(change: Partial<Circumstances> = {}): Circumstances {
  return { emulator: {}, absent: new Map(), said: new Map(), interruption: 'it hangs', ...change };
}

/** Everything passed. */
function allPassed(): Map<string, Said> {
  return new Map(checks.map(({ id }) => [id, { state: 'passed', detail: 'seen' }]));
}

function verdicts(change: Partial<Circumstances>): Readonly<Record<string, string>> {
  return Object.fromEntries(rowsOf(checks, circumstances(change)).map(({ id, verdict }) => [id, verdict]));
}

describe('readReport', () => {
  it('finds what the guest said among everything else on its console', () => {
    const report = readReport(
      [
        'Linux version 6.1.176',
        '@abc123 begun kernel',
        { at: 5, text: '\x1b[?2004l@abc123 passed kernel Linux 6.1 \x1b[0mmips' },
        '@other passed init no',
        '@abc123 begun init',
        'n=abc\'\'123; printf "@%s done" "$n"',
      ],
      nonce,
    );
    expect([...report.said]).toEqual([
      ['kernel', { state: 'passed', detail: 'Linux 6.1 mips', at: 5 }],
      ['init', { state: 'begun', detail: '' }],
    ]);
    expect(report.done).toBe(false);
  });

  it('knows the end', () => {
    expect(readReport(['@abc123 done'], nonce).done).toBe(true);
    expect(readReport(['@abc123 donemore'], nonce).done).toBe(false);
  });

  it('ignores lines without the nonce', () => {
    expect(readReport(['@abc123 jumped kernel', '@abc123', ''], nonce).said.size).toBe(0);
  });
});

describe('mergeReports', () => {
  it('lets a second report fill gaps in the first', () => {
    const first = readReport([{ at: 1, text: '@abc123 passed a one' }, '@abc123 begun b'], nonce);
    const second = readReport(['@abc123 passed a other', '@abc123 failed b two', '@abc123 done'], nonce);
    const merged = mergeReports(first, second);
    expect(merged.said.get('a')).toEqual({ state: 'passed', detail: 'one', at: 1 });
    expect(merged.said.get('b')).toEqual({ state: 'failed', detail: 'two' });
    expect(merged.done).toBe(true);
  });

  it('leaves a check begun if neither report saw it finish', () => {
    const one = readReport(['@abc123 begun b'], nonce);
    expect(mergeReports(one, one).said.get('b')?.state).toBe('begun');
  });
});

describe('judgeClock', () => {
  it.each([
    ['1000', 'passed', 'as the host'],
    ['1060', 'passed', '60 s ahead of the host'],
    ['939', 'failed', '61 s behind the host'],
    ['0', 'failed', '1000 s behind the host'],
    ['noon', 'failed', 'no time: noon'],
  ])('of a guest that says %s at 1000: %s', (detail, state, text) => {
    expect(judgeClock({ state: 'passed', detail, at: 1000 })).toEqual({ state, detail: text });
  });
});

it('judgeClock rejects a time without its time of arrival', () => {
  expect(judgeClock({ state: 'passed', detail: '1000' }).state).toBe('failed');
});

describe('rowsOf', () => {
  it('has no fault when everything passed', () => {
    const rows = rowsOf(checks, circumstances({ said: allPassed() }));
    expect(rows.every(({ verdict }) => verdict === 'passed')).toBe(true);
    expect(isSound(rows)).toBe(true);
  });

  it('never takes silence for a pass', () => {
    const rows = rowsOf(checks, circumstances());
    expect(rows.every(({ verdict }) => verdict === 'not reached')).toBe(true);
    expect(isSound(rows)).toBe(false);
  });

  it('fails a check that began and did not finish, with the reason', () => {
    const said = allPassed().set('entropy', { state: 'begun', detail: '' });
    const rows = rowsOf(checks, circumstances({ said }));
    expect(rows.find(({ id }) => id === 'entropy')).toMatchObject({ verdict: 'failed', detail: 'it hangs' });
    expect(isSound(rows)).toBe(false);
  });

  it('shows what the board cannot do as such, whatever was said', () => {
    const lacks = [
      { facility: 'disk', reason: 'no bus for one' },
      { facility: 'network', reason: 'no card' },
    ] as const;
    const rows = rowsOf(checks, circumstances({ emulator: { lacks }, said: allPassed() }));
    const cannot = rows.filter(({ verdict }) => verdict === 'cannot');
    expect(cannot.map(({ id, detail }) => [id, detail])).toEqual([
      ['eth0', 'no card'],
      ['tcp', 'no card'],
      ['disk', 'no bus for one'],
      ['disk-again', 'no bus for one'],
      ['native:numbers', 'no bus for one'],
    ]);
    expect(isSound(rows)).toBe(true);
  });

  it('shows a program that needs what the board cannot do as such', () => {
    const lacks = [{ facility: 'wide-atomics', reason: 'flags are lost' }] as const;
    const all = checksOf({ programs: ['atomics', 'numbers'], musl: [] });
    const cannot = rowsOf(all, circumstances({ emulator: { lacks } })).filter(
      ({ verdict }) => verdict === 'cannot',
    );
    // In qemu-user nothing is interrupted, and the board is not asked.
    expect(cannot.map(({ id }) => id)).toEqual(['cross:atomics', 'native:atomics']);
  });

  it('shows a whole group, or one check of it, as absent', () => {
    const absent = new Map([
      ['native', 'not in this image'],
      ['user:numbers', 'not installed'],
    ]);
    expect(verdicts({ absent, said: allPassed() })).toMatchObject({
      'native:numbers': 'absent',
      'user:numbers': 'absent',
      'cross:numbers': 'passed',
    });
  });

  it('proves nothing if no check could be run', () => {
    const absent = new Map(checks.map(({ id }) => [id, 'nothing here']));
    expect(isSound(rowsOf(checks, circumstances({ absent })))).toBe(false);
  });
});

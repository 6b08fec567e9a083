import type { Arch, Facility } from '../inputs/arch.ts';

/** A property of a system image that `bootstrap test` checks: a row of its table. */
export interface Check {
  /** Also used by the guest. */
  readonly id: string;
  readonly title: string;
  /** Facilities that the board needs for it. */
  readonly needs: readonly Facility[];
}

/** Verdicts of a check. Only `passed` is good; `cannot` and `absent` are not faults of the image. */
export const verdicts = ['passed', 'failed', 'not reached', 'cannot', 'absent'] as const;
export type Verdict = (typeof verdicts)[number];

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly verdict: Verdict;
  /** What was observed, or why it did not pass. */
  readonly detail: string;
}

/** Names of the test programs that are run in a guest. */
export interface ProgramNames {
  readonly programs: readonly string[];
  /** Tests for known bugs of the C library. */
  readonly musl: readonly string[];
}

/** Facilities that single programs need from the machine that runs them. */
const programNeeds: Readonly<Record<string, readonly Facility[]>> = { atomics: ['wide-atomics'] };

/** Facilities that a program needs to run in a guest, whichever compiler built it. */
export function needsOfProgram(name: string): readonly Facility[] {
  return programNeeds[name] ?? [];
}

/** All checks, in table order. */
export function checksOf({ programs, musl }: ProgramNames): readonly Check[] {
  const check = (id: string, title: string, ...needs: Facility[]): Check => ({ id, title, needs });
  return [
    check('kernel', 'kernel is up'),
    check('init', 'PID 1 is ours'),
    check('console', 'shell on the console'),
    check('clock', 'clock within a minute', 'clock'),
    check('loopback', 'loopback'),
    check('eth0', 'eth0', 'network'),
    check('tcp', 'TCP connection to the host', 'network'),
    check('disk', 'scratch disk formatted and written', 'disk'),
    check('disk-again', 'scratch disk read after a second boot', 'disk'),
    check('share-in', "9p: the host's file read", 'share'),
    check('share-out', '9p: a file left for the host', 'share'),
    check('entropy', 'random numbers are ready'),
    ...programs.map((name) => check(`cross:${name}`, `cross compiled ${name}`, ...needsOfProgram(name))),
    ...musl.map((name) => check(`musl:${name}`, `musl bug fixed: ${name}`)),
    ...programs.map((name) => check(`user:${name}`, `cross compiled ${name}, in qemu-user`)),
    ...programs.map((name) =>
      check(
        `native:${name}`,
        `compiled in the guest: ${name}`,
        'native-compiler',
        'disk',
        ...needsOfProgram(name),
      ),
    ),
    check('end', 'clean end of the emulator', 'end'),
  ];
}

/** A line of the console, with the time when it was complete, in seconds since 1970. */
export interface ConsoleLine {
  readonly at: number;
  readonly text: string;
}

/** What a guest reported about one check. */
export interface Said {
  readonly state: 'begun' | 'passed' | 'failed';
  readonly detail: string;
  /** When it was received; undefined if it was read from a file. */
  readonly at?: number;
}

/** What a guest reported about all checks. */
export interface Report {
  readonly said: ReadonlyMap<string, Said>;
  /** Whether the last check has finished. */
  readonly done: boolean;
}

/** Extracts a guest's report from its console output, by a nonce that nothing else prints. */
export function readReport(lines: readonly (ConsoleLine | string)[], nonce: string): Report {
  const said = new Map<string, Said>();
  let done = false;
  for (const line of lines) {
    const text = typeof line === 'string' ? line : line.text;
    const at = typeof line === 'string' ? {} : { at: line.at };
    const marked = text.indexOf(`@${nonce} `);
    if (marked < 0) continue;
    const words = text.slice(marked + nonce.length + 2);
    if (/^done\b/.test(words)) done = true;
    const match = /^(begun|passed|failed) (\S+) ?(.*)$/.exec(words);
    if (match === null) continue;
    const [, state = '', id = '', detail = ''] = match;
    said.set(id, { state: state as Said['state'], detail: readable(detail), ...at });
  }
  return { said, done };
}

/** Merges two reports of the same guest: where the first one breaks off or is garbled, the second one is used. */
export function mergeReports(first: Report, second: Report): Report {
  const said = new Map(second.said);
  for (const [id, words] of first.said) {
    const other = said.get(id);
    if (words.state !== 'begun' || other === undefined || other.state === 'begun') said.set(id, words);
  }
  return { said, done: first.done || second.done };
}

function readable(text: string): string {
  return text
    .replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, '')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
}

/** Seconds by which a guest's clock may be off. */
const clockTolerance = 60;

/** Turns the time that a guest reported into a verdict, by comparison with the time of its arrival. */
export function judgeClock(words: Said): Said {
  if (words.state !== 'passed') return words;
  if (words.at === undefined)
    return { state: 'failed', detail: 'its time arrived garbled on the console and cannot be compared' };
  const time = Number(words.detail);
  if (!/^\d+$/.test(words.detail)) return { state: 'failed', detail: `no time: ${words.detail}` };
  const off = Math.round(time - words.at);
  const detail =
    Math.abs(off) < 3
      ? 'as the host'
      : `${String(Math.abs(off))} s ${off < 0 ? 'behind' : 'ahead of'} the host`;
  return { state: Math.abs(off) <= clockTolerance ? 'passed' : 'failed', detail };
}

/** What determines rows in addition to the guest's report. */
export interface Circumstances {
  /** The board, from the descriptor. */
  readonly emulator: Pick<Arch['emulator'], 'lacks'>;
  /** Why checks cannot be run although the board supports them: by id, or by the part of it before the colon. */
  readonly absent: ReadonlyMap<string, string>;
  readonly said: ReadonlyMap<string, Said>;
  /** Why a check that had begun did not finish. */
  readonly interruption: string;
}

/** Rows of the table. A check without a report was not reached. */
export function rowsOf(checks: readonly Check[], circumstances: Circumstances): readonly Row[] {
  const { emulator, absent, said, interruption } = circumstances;
  return checks.map(({ id, title, needs }): Row => {
    const row = (verdict: Verdict, detail: string): Row => ({ id, title, verdict, detail });
    const lack = (emulator.lacks ?? []).find(({ facility }) => needs.includes(facility));
    if (lack !== undefined) return row('cannot', lack.reason);
    const missing = absent.get(id) ?? absent.get(id.replace(/:.*$/, ''));
    if (missing !== undefined) return row('absent', missing);
    const words = said.get(id);
    if (words === undefined) return row('not reached', '');
    if (words.state === 'begun') return row('failed', interruption);
    return row(words.state, words.detail);
  });
}

/** Whether the image has no fault: something passed, and nothing failed or was not reached. */
export function isSound(rows: readonly Row[]): boolean {
  return (
    rows.some(({ verdict }) => verdict === 'passed') &&
    !rows.some(({ verdict }) => verdict === 'failed' || verdict === 'not reached')
  );
}

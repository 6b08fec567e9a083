import type { Arch, Facility } from '../inputs/arch.ts';

/** Something that `bootstrap test` finds out about a system image: a row of its table. */
export interface Check {
  /** What the guest calls it, too. */
  readonly id: string;
  readonly title: string;
  /** Facilities without which the board cannot do it. */
  readonly needs: readonly Facility[];
}

/** What can become of a check. Only `passed` is good; `cannot` and `absent` are no fault of the image. */
export const verdicts = ['passed', 'failed', 'not reached', 'cannot', 'absent'] as const;
export type Verdict = (typeof verdicts)[number];

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly verdict: Verdict;
  /** What was seen, or why it did not pass. */
  readonly detail: string;
}

/** Names of the programs that are run in a guest. */
export interface ProgramNames {
  readonly programs: readonly string[];
  /** Those that show faults of the C library. */
  readonly musl: readonly string[];
}

/** What single programs ask of the machine that runs them. */
const programNeeds: Readonly<Record<string, readonly Facility[]>> = { atomics: ['wide-atomics'] };

/** Facilities without which a program cannot run in a guest, whoever compiled it. */
export function needsOfProgram(name: string): readonly Facility[] {
  return programNeeds[name] ?? [];
}

/** All checks, in the order of the table. */
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

/** A line of the console, with when it was complete: seconds since 1970. */
export interface ConsoleLine {
  readonly at: number;
  readonly text: string;
}

/** What a guest said of one check. */
export interface Said {
  readonly state: 'begun' | 'passed' | 'failed';
  readonly detail: string;
  /** When that was heard; undefined where it was read from a file. */
  readonly at?: number;
}

/** What a guest said of all. */
export interface Report {
  readonly said: ReadonlyMap<string, Said>;
  /** Whether the last check is behind it. */
  readonly done: boolean;
}

/** Reads what a guest said between everything else on its console, by the word that nobody else knows. */
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

/** Two accounts of one guest: where the first one breaks off or is garbled, the second one counts. */
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

/** Seconds that a guest's clock may be off. */
const clockTolerance = 60;

/** Turns the time that a guest said into a verdict, by when it was heard. */
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

/** What decides about rows beside the guest's own words. */
export interface Circumstances {
  /** The board's part of the descriptor. */
  readonly emulator: Pick<Arch['emulator'], 'lacks'>;
  /** Why checks cannot be done though the board could: by id, or by what stands before the colon of one. */
  readonly absent: ReadonlyMap<string, string>;
  readonly said: ReadonlyMap<string, Said>;
  /** Why a check that had begun did not come to an end. */
  readonly interruption: string;
}

/** The table. A check of which nothing was heard was not reached. */
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

/** Whether nothing is wrong with an image: something passed, and nothing failed or was not reached. */
export function isSound(rows: readonly Row[]): boolean {
  return (
    rows.some(({ verdict }) => verdict === 'passed') &&
    !rows.some(({ verdict }) => verdict === 'failed' || verdict === 'not reached')
  );
}

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { parseJson } from '../core/json.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { Row, Verdict } from './checks.ts';
import type { Arch } from '../inputs/arch.ts';
import type { Lock } from '../inputs/lock.ts';
import { choiceLabel, choiceOf } from '../inputs/versions.ts';
import { compileSchema } from '../inputs/compile-schema.ts';
import { schemaFault } from '../inputs/schema-fault.ts';
import { proofsSchema } from './proofs-schema.ts';
import { errorCode } from '../core/fault.ts';
import type { TestResult } from './test-guest.ts';

/** The file that records what the last test of each arch proved; relative to the repository. */
export const proofsFile = 'docs/arches.json';

/**
 * Groups of checks that are reported together. A check is listed by its id, or by the part of its id before the colon.
 */
const areas = {
  boot: ['kernel', 'init', 'console', 'end'],
  clock: ['clock'],
  network: ['loopback', 'eth0', 'tcp'],
  disk: ['disk', 'disk-again'],
  '9p': ['share-in', 'share-out'],
  entropy: ['entropy'],
  'cross programs': ['cross', 'musl'],
  'qemu-user': ['user'],
  'native compiler': ['native'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type Area = keyof typeof areas;
const areaNames = Object.keys(areas) as readonly Area[];

/** What a test proved of an arch. */
export interface Proof {
  /** Which versions of sources the image was built from: `gcc-14`, `gcc-14+linux-6.12.107`. Undefined: it is not known. */
  readonly versions?: string;
  /** How the guest's kernel identifies itself. */
  readonly kernel: string;
  readonly bootSeconds?: number;
  readonly kernelBytes: number;
  readonly rootBytes: number;
  /** The version line of the external toolchain that built the image. Undefined: none is known, so our own stage 1 built it. */
  readonly toolchain?: string;
  readonly areas: Readonly<Record<Area, AreaProof>>;
}

export interface AreaProof {
  readonly verdict: Verdict;
  /** For a verdict other than passed: which checks, and why. */
  readonly detail?: string;
}

/** Proofs by name of the arch; of each choice of versions the last one. */
export type Proofs = Readonly<Record<string, readonly Proof[]>>;

const proofsCheck = compileSchema(proofsSchema(areaNames));

/** Reads what was proved; empty if there is no such file. */
export async function readProofs(repository: string): Promise<Result<Proofs, Failure>> {
  const bad = (message: string): Result<never, Failure> =>
    failed({ reason: 'bad-input', file: proofsFile, faults: [{ field: '', message }] });
  let text: string;
  try {
    text = await readFile(path.join(repository, proofsFile), 'utf8');
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    return code === 'ENOENT' ? ok({}) : bad(`cannot be read (${code})`);
  }
  const value = parseJson(text);
  if (value === undefined) return bad('is not JSON; `npm run test:arches` writes it again');
  const validate = proofsCheck();
  if (validate(value)) return ok(value as Proofs);
  const faults = (validate.errors ?? []).map(schemaFault);
  return failed({ reason: 'bad-input', file: proofsFile, faults });
}

/** What a test's table proves. */
export function proofOf(
  { rows, bootSeconds, kernelBytes, rootBytes, toolchain, versions }: TestResult,
  lock: Pick<Lock, 'defaultSet' | 'sets'>,
): Proof {
  const kernel = rows.find(({ id }) => id === 'kernel')?.detail ?? '';
  const proved = areaNames.map((area): [Area, AreaProof] => {
    const named: readonly string[] = areas[area];
    return [area, together(rows.filter(({ id }) => named.includes(id.replace(/:.*$/, ''))))];
  });
  return {
    ...(versions === undefined ? {} : { versions: choiceLabel(choiceOf(lock, versions)) }),
    kernel,
    ...(bootSeconds === undefined ? {} : { bootSeconds }),
    kernelBytes,
    rootBytes,
    ...(toolchain === undefined ? {} : { toolchain: toolchain.version }),
    areas: Object.fromEntries(proved) as Record<Area, AreaProof>,
  };
}

/** The worst verdict counts; an area is left out, with a reason, only if none of its checks was run. */
function together(rows: readonly Row[]): AreaProof {
  for (const verdict of ['failed', 'not reached'] as const) {
    const found = rows.filter((row) => row.verdict === verdict);
    if (found.length > 0) return { verdict, detail: found.map(({ id }) => id).join(', ') };
  }
  const passed = rows.filter(({ verdict }) => verdict === 'passed');
  const other = rows.find(({ verdict }) => verdict !== 'passed');
  if (other === undefined) return passed.length > 0 ? { verdict: 'passed' } : { verdict: 'not reached' };
  if (passed.length === 0) return { verdict: other.verdict, detail: other.detail };
  const left = rows.filter(({ verdict, detail }) => verdict === other.verdict && detail === other.detail);
  return { verdict: 'passed', detail: `not ${left.map(({ id }) => id).join(', ')}: ${other.detail}` };
}

/** The text of the file, sorted by name, so that it changes only if a result is new. */
export function proofsText(proofs: Proofs): string {
  const sorted = Object.entries(proofs).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(sorted), undefined, 2);
}

/** Those of one arch, the one with the default set first. */
function inOrder(proofs: readonly Proof[] | undefined, defaultSet: string): readonly Proof[] {
  const rank = ({ versions = '' }: Proof): string => (versions === defaultSet ? '' : `+${versions}`);
  return [...(proofs ?? [])].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** What was proved of an arch: a line for each choice of versions that was tested. */
export function proofLines(proofs: readonly Proof[] | undefined, defaultSet: string): readonly string[] {
  const lines = inOrder(proofs, defaultSet).map((proof) =>
    proof.versions === undefined || proof.versions === defaultSet
      ? proofLine(proof)
      : `with ${proof.versions}: ${proofLine(proof)}`,
  );
  return lines.length === 0 ? ['nothing proved yet'] : lines;
}

/** One line that says which areas are proved. */
export function proofLine(proof: Proof): string {
  const with_ = (verdicts: readonly Verdict[]): readonly Area[] =>
    areaNames.filter((area) => verdicts.includes(proof.areas[area].verdict));
  const passed = with_(['passed']).map((area) =>
    proof.areas[area].detail === undefined ? area : `${area} (in part)`,
  );
  const bad = with_(['failed', 'not reached']);
  const good = passed.length === 0 ? 'nothing proved' : `proved: ${passed.join(', ')}`;
  const failures = bad.length === 0 ? '' : `; failed: ${bad.join(', ')}`;
  return `${good}${failures}${proof.toolchain === undefined ? '' : `; compiled by ${proof.toolchain}`}`;
}

/** The name of the machine without its options. */
function machineOf({ machine }: Arch['emulator']): string {
  return machine.replace(/,.*$/, '');
}

/** A table cell. An area in which some checks could not be run is only proved in part. */
function cell({ verdict, detail }: AreaProof): string {
  return verdict === 'passed' && detail !== undefined ? 'in part' : cells[verdict];
}

/** One line that describes an arch. */
export function archFacts({ bits, byteOrder, triple, emulator }: Arch): string {
  const { preset, limit } = emulator.memory;
  const memory =
    limit === undefined ? `${String(preset)} MiB, more if asked` : `at most ${String(limit)} MiB`;
  return `${String(bits)} bit, ${byteOrder} endian, ${triple}; ${machineOf(emulator)}, console ${emulator.console}, ${memory}`;
}

const cells: Readonly<Record<Verdict, string>> = {
  passed: 'yes',
  failed: '**no**',
  'not reached': '**no**',
  cannot: 'cannot',
  absent: '–',
};

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function markdownTable(rows: readonly (readonly string[])[]): readonly string[] {
  const [head = [], ...body] = rows;
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)];
}

/** Text of docs/arches.md. `arches` are all that have a descriptor. */
export function archesDocument(arches: readonly Arch[], proofs: Proofs, defaultSet: string): string {
  const all = [...arches].sort((a, b) => (a.name < b.name ? -1 : 1));
  const rest = all.filter(({ name }) => (proofs[name] ?? []).length === 0);
  const proved = all.flatMap(({ name }) => {
    const own = inOrder(proofs[name], defaultSet);
    return own.map((proof) => {
      const { versions } = proof;
      return { name, proof, label: own.length > 1 && versions !== undefined ? `${name}, ${versions}` : name };
    });
  });
  const table = markdownTable([
    ['arch', 'versions', ...areaNames, 'boot time', 'kernel', 'root filesystem'],
    ...proved.map(({ name, proof }) => {
      return [
        name,
        proof.versions ?? '–',
        ...areaNames.map((area) => cell(proof.areas[area])),
        proof.bootSeconds === undefined ? '–' : `${String(proof.bootSeconds)} s`,
        megabytes(proof.kernelBytes),
        megabytes(proof.rootBytes),
      ];
    }),
  ]);
  const notes = proved.flatMap(({ label, proof }) =>
    areaNames.flatMap((area) => {
      const { verdict, detail } = proof.areas[area];
      if (detail === undefined) return [];
      return [`- ${label}, ${area}: ${verdict === 'passed' ? '' : `${verdict}: `}${detail}`];
    }),
  );
  const foreign = proved.flatMap(({ label, proof: { toolchain } }) =>
    toolchain === undefined ? [] : [`- ${label}: ${toolchain}`],
  );
  return [
    '# Architectures',
    '',
    '<!-- Written by `npm run test:arches`; changes made by hand are lost. -->',
    '',
    '`bootstrap test ARCH` boots an image twice, unattended, and checks what works; these are the results of the last such test of',
    'each arch with each choice of versions ([sources.md](sources.md)). yes: every check of that kind passed; in part: all but',
    'those listed below; **no**: one failed or was not reached; cannot: the board or its emulator does not support it, as the',
    'descriptor says; –: not in that image, or not on the machine that ran the test. The boot time is from the start of the',
    'emulator to the shell, on whatever machine that was.',
    '',
    ...(proved.length === 0 ? ['Nothing has been tested yet.'] : table),
    ...(notes.length === 0 ? [] : ['', '## What did not pass, and why', '', ...notes]),
    '',
    '## Built with an external toolchain',
    '',
    ...(foreign.length === 0
      ? ['None that is known: the tested images were built by our own stage-1 compilers.']
      : foreign),
    '',
    '## Not proved',
    '',
    rest.length === 0
      ? 'Every arch that has a descriptor has been tested.'
      : `These have a descriptor but have not been tested: ${rest.map(({ name }) => name).join(', ')}.`,
    '',
    '## What they are',
    '',
    ...markdownTable([
      ['arch', 'bits', 'byte order', 'triple', 'machine', 'console', 'memory'],
      ...all.map(({ name, bits, byteOrder, triple, emulator }) => [
        name,
        String(bits),
        byteOrder,
        triple,
        machineOf(emulator),
        emulator.console,
        emulator.memory.limit === undefined ? 'as asked' : `at most ${String(emulator.memory.limit)} MiB`,
      ]),
    ]),
    '',
  ].join('\n');
}

/** The short table of the README: with the default versions, or else with others, which it names. */
export function archesSummary(arches: readonly Arch[], proofs: Proofs, defaultSet: string): string {
  const all = [...arches].sort((a, b) => (a.name < b.name ? -1 : 1));
  const boots = (proof: Proof | undefined): string => {
    if (proof === undefined) return 'not tested';
    const { versions, toolchain } = proof;
    const by = [
      ...(toolchain === undefined ? [] : ['external toolchain']),
      ...(versions === undefined || versions === defaultSet ? [] : [versions]),
    ];
    return `${cell(proof.areas.boot)}${by.length === 0 ? '' : ` (${by.join(', ')})`}`;
  };
  const cellOf = (proof: Proof | undefined, area: Area): string =>
    proof === undefined ? '' : cell(proof.areas[area]);
  return markdownTable([
    ['arch', 'what it is', 'boots', 'cross compiled programs', 'native compiler'],
    ...all.map(({ name, summary }) => {
      const [proof] = inOrder(proofs[name], defaultSet);
      return [name, summary, boots(proof), cellOf(proof, 'cross programs'), cellOf(proof, 'native compiler')];
    }),
  ]).join('\n');
}

const markers = { begin: '<!-- arches: begin -->', end: '<!-- arches: end -->' };

/** Inserts the table between its markers; undefined if they are missing. */
export function insertSummary(readme: string, summary: string): string | undefined {
  const begin = readme.indexOf(markers.begin);
  const end = readme.indexOf(markers.end);
  if (begin < 0 || end < begin) return undefined;
  return `${readme.slice(0, begin + markers.begin.length)}\n\n${summary}\n\n${readme.slice(end)}`;
}

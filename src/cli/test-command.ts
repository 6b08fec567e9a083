import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { emulatorVersion } from '../emulator/version.ts';
import { isSound, type Row } from '../image-test/checks.ts';
import type { Arch } from '../inputs/arch.ts';
import { duration } from '../report/duration.ts';
import { findImage, findInPath, imageScript, incompleteImage } from '../release/find-image.ts';
import { catchInterrupts } from './interrupt.ts';
import { loadRepository, planInputs, type Repository } from '../repository/load-inputs.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, outDirectory, type Session } from './session.ts';
import { testImage, type GuestTest, type TestResult } from '../image-test/test-guest.ts';
import { withEmulator } from '../image-test/test-material.ts';
import { makeTestPrograms, type TestPrograms } from '../image-test/test-programs.ts';
import type { OpenBuildContext } from '../build/build-context.ts';
import { failureText } from '../report/failure-text.ts';
import { openContext } from './building.ts';

export interface TestRequest {
  /** As the user wrote them. */
  readonly arches: readonly string[];
  /** `--out`. */
  readonly out?: string;
  /** `--image`: directory of one image. */
  readonly image?: string;
  readonly store?: string;
  readonly json: boolean;
  /** The number of concurrent guests. */
  readonly jobs: number;
  readonly silenceSeconds: number;
  /** `--console`: directory for the guests' console output. */
  readonly consoles?: string;
  /** What a test watches guests by. */
  readonly watching?: Pick<GuestTest, 'clock' | 'onText'>;
}

/** An arch with an image that can be booted here. */
interface Candidate {
  readonly arch: Arch;
  readonly script: string;
}

/** `bootstrap test ARCH…`: boots images unattended and reports what works. */
export async function testCommand(
  session: Session,
  request: TestRequest,
  open?: OpenBuildContext,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository, session.archDirectories);
  if (!repository.ok) return explain(session, repository.failure);
  const candidates = await findCandidates(session, repository.value, request);
  if (!candidates.ok) return explain(session, candidates.failure);
  const consoles = request.consoles === undefined ? undefined : path.resolve(session.cwd, request.consoles);
  if (consoles !== undefined) {
    const made = await makeDirectory(consoles, request.consoles ?? '');
    if (made !== undefined) return explain(session, made);
  }
  const interrupt = catchInterrupts(
    (line) => session.err(`${line}\n`),
    () => undefined,
  );
  try {
    const results: TestResult[] = [];
    const programs = await allPrograms(
      session,
      repository.value,
      request,
      candidates.value,
      interrupt.signal,
      open,
    );
    if (!programs.ok) return explain(session, programs.failure);
    await sideBySide(request.jobs, candidates.value, async ({ arch, script }, index) => {
      const made = programs.value[index];
      if (made === undefined || interrupt.signal.aborted) return;
      session.err(`bootstrap: testing ${arch.name}\n`);
      const result = await testImage({
        repository: session.repository,
        arch,
        script,
        programs: made,
        env: session.env,
        cwd: session.cwd,
        silenceSeconds: request.silenceSeconds,
        ...(consoles === undefined ? {} : { consoles }),
        ...request.watching,
        signal: interrupt.signal,
      });
      // An interrupted test says nothing about the image.
      if (interrupt.signal.aborted) return;
      results[index] = result;
      session.err(`bootstrap: ${summaryLine(result)}\n`);
    });
    if (interrupt.signal.aborted) {
      return explain(session, { reason: 'interrupted', signal: String(interrupt.signal.reason) });
    }
    session.out(
      request.json ? `${JSON.stringify({ tests: results.map(jsonOf) }, undefined, 2)}\n` : tableText(results),
    );
    return results.every(({ rows }) => isSound(rows)) ? 0 : 1;
  } finally {
    interrupt.release();
  }
}

async function findCandidates(
  session: Session,
  repository: Repository,
  request: TestRequest,
): Promise<Result<readonly Candidate[], Failure>> {
  const wrong = (what: string, hint: string): Result<never, Failure> =>
    failed({ reason: 'wrong-use', what, hint });
  if (/(?:^|\s)HANDOFF=/.test(session.env['KERNEL_EXTRA'] ?? '')) {
    return wrong('KERNEL_EXTRA: HANDOFF= would replace the checks', 'Remove it.');
  }
  if (request.image !== undefined && request.arches.length > 1) {
    return wrong(
      `--image ${request.image} is a single image, but several arches were given`,
      'Name the arch that it was built for.',
    );
  }
  const searchPath = session.env['PATH'] ?? '';
  const candidates = new Map<string, Candidate>();
  for (const name of request.arches) {
    const arch = await repository.arches.find(name, 'arch');
    if (!arch.ok) return arch;
    const script =
      request.image === undefined
        ? await findImage(arch.value, {
            directory: outDirectory(session, request.out, arch.value.name),
            ...(request.out === undefined ? {} : { out: request.out }),
            searchPath,
          })
        : await imageScript(arch.value, {
            directory: path.resolve(session.cwd, request.image),
            searchPath,
          });
    if (!script.ok) return script;
    const incomplete = await incompleteImage(arch.value, script.value);
    if (incomplete !== undefined) return failed(incomplete);
    candidates.set(arch.value.name, {
      arch: await asEmulatedHere(session, arch.value),
      script: script.value,
    });
  }
  return ok([...candidates.values()]);
}

/** The arch with what this machine's emulator supports, according to its version. */
async function asEmulatedHere(session: Session, arch: Arch): Promise<Arch> {
  if (!(arch.emulator.lacks ?? []).some(({ emulatorBefore }) => emulatorBefore !== undefined)) return arch;
  const program = await findInPath(arch.emulator.program, session.env['PATH'] ?? '');
  return withEmulator(arch, program === undefined ? '' : await emulatorVersion(program));
}

async function makeDirectory(directory: string, name: string): Promise<Failure | undefined> {
  return mkdir(directory, { recursive: true }).then(
    () => undefined,
    (error: NodeJS.ErrnoException): Failure => ({
      reason: 'wrong-use',
      what: `--console ${name}: cannot create it (${error.code ?? error.message})`,
      hint: 'Name a directory; it is created if it does not exist.',
    }),
  );
}

/** The programs for each arch, one after the other. */
async function allPrograms(
  session: Session,
  repository: Repository,
  request: TestRequest,
  candidates: readonly Candidate[],
  signal: AbortSignal,
  open: OpenBuildContext | undefined,
): Promise<Result<readonly TestPrograms[], Failure>> {
  const sources = {
    offline: false,
    acceptVariants: [],
    ...(request.store === undefined ? {} : { store: request.store }),
  };
  const say = (text: string): void => session.err(`${text}\n`);
  const context = await openContext(session, {
    lock: repository.lock,
    sources,
    jobs: request.jobs,
    open,
    say,
  });
  if (!context.ok) return context;
  const all: TestPrograms[] = [];
  for (const { arch } of candidates) {
    const inputs = await planInputs(repository, { arch: arch.name });
    if (!inputs.ok) return inputs;
    all.push(
      await makeTestPrograms(inputs.value, {
        repository: session.repository,
        context: context.value,
        signal,
        describe: failureText,
      }),
    );
  }
  return ok(all);
}

/** Processes each item, with a limit on how many at a time. */
async function sideBySide<T>(
  atOnce: number,
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const rest = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

const verdicts = ['passed', 'failed', 'not reached', 'cannot', 'absent'] as const;

/** How many rows there are of each verdict. */
export function countVerdicts(rows: readonly Row[]): Readonly<Record<Row['verdict'], number>> {
  const counts = { passed: 0, failed: 0, 'not reached': 0, cannot: 0, absent: 0 };
  for (const { verdict } of rows) counts[verdict] += 1;
  return counts;
}

function summaryLine({ arch, rows, seconds }: TestResult): string {
  const counts = countVerdicts(rows);
  const parts = verdicts.filter((verdict, index) => index < 2 || counts[verdict] > 0);
  const said = parts.map((verdict) => `${String(counts[verdict])} ${verdict}`).join(', ');
  return `${arch}: ${isSound(rows) ? 'sound' : 'not sound'} (${said}) in ${duration(seconds)}`;
}

/** The data of a test for scripts, with an overall verdict. */
function jsonOf(result: TestResult): unknown {
  return { sound: isSound(result.rows), ...result };
}

/** A block for each arch, then a summary line for each. */
export function tableText(results: readonly TestResult[]): string {
  const blocks = results.map((result) => {
    const width = Math.max(...result.rows.map(({ title }) => title.length));
    const lines = result.rows.map(({ title, verdict, detail }) =>
      `  ${title.padEnd(width)}  ${verdict.padEnd(11)}  ${detail}`.trimEnd(),
    );
    const console =
      result.console.length === 0
        ? []
        : ['  The end of its console output:', ...result.console.map((line) => `  | ${line}`)];
    const made = result.toolchain === undefined ? '' : ` (compiled by ${result.toolchain.version})`;
    return [`${result.arch}${made}`, ...lines, ...console, ''].map((line) => `${line}\n`).join('');
  });
  return `${blocks.join('')}${results.map((result) => `${summaryLine(result)}\n`).join('')}`;
}

import path from 'node:path';
import type { OpenBuildContext } from '../build/build-context.ts';
import { isSound } from '../image-test/checks.ts';
import type { GuestTest } from '../image-test/test-guest.ts';
import { findCandidates, makeConsoleDirectory, testImages } from '../image-test/test-images.ts';
import { failureText } from '../report/failure-text.ts';
import { loadRepository } from '../repository/load-inputs.ts';
import { openContext } from './building.ts';
import type { ExitCode } from './exit-code.ts';
import { catchInterrupts } from './interrupt.ts';
import { explain, outDirectory, versionWords, type Session } from './session.ts';
import { testJson, testSummary, testTable } from './test-text.ts';

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

/** `bootstrap test ARCH…`: boots images unattended and reports what works. */
export async function testCommand(
  session: Session,
  request: TestRequest,
  open?: OpenBuildContext,
): Promise<ExitCode> {
  const { out, image, store, jobs, silenceSeconds, watching } = request;
  const { cwd, env } = session;
  const absolute = (name: string): string => path.resolve(cwd, name);
  const note = (line: string): void => session.err(`${line}\n`);
  const repository = await loadRepository(session.repository, session);
  if (!repository.ok) return explain(session, repository.failure);
  const candidates = await findCandidates(repository.value, request.arches, {
    ...(image === undefined ? {} : { image: { path: absolute(image), name: image } }),
    ...(out === undefined ? {} : { out }),
    versions: versionWords(repository.value),
    directoryOf: (arch) => outDirectory(session, out, arch, repository.value),
    environment: env,
  });
  if (!candidates.ok) return explain(session, candidates.failure);
  const consoles = request.consoles === undefined ? {} : { consoles: absolute(request.consoles) };
  const made = await makeConsoleDirectory(consoles.consoles, request.consoles);
  if (!made.ok) return explain(session, made.failure);
  const { lock } = repository.value;
  const sources = { offline: false, acceptVariants: [], ...(store === undefined ? {} : { store }) };
  const context = await openContext(session, { lock, sources, jobs, open, say: note });
  if (!context.ok) return explain(session, context.failure);
  const { signal, release } = catchInterrupts(note, () => undefined);
  try {
    const results = await testImages(repository.value, candidates.value, context.value, {
      ...{ repository: session.repository, env, cwd, silenceSeconds, guests: jobs, signal },
      ...watching,
      describe: failureText,
      ...consoles,
      onStart: (arch) => note(`bootstrap: testing ${arch}`),
      onEnd: (result) => note(`bootstrap: ${testSummary(result)}`),
    });
    if (!results.ok) return explain(session, results.failure);
    session.out(request.json ? testJson(results.value) : testTable(results.value));
    return results.value.every(({ rows }) => isSound(rows)) ? 0 : 1;
  } finally {
    release();
    for (const executor of context.value.executors) await executor.close();
  }
}

import { performance } from 'node:perf_hooks';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { PlannedSource } from '../plan/action.ts';
import { patchesOf } from '../plan/assemble.ts';
import { sourceId } from '../plan/graph.ts';
import { count, exitCodeOf } from '../report/failure-text.ts';
import { catchInterrupts } from './interrupt.ts';
import { loadRepository, planInputs, type Repository } from '../repository/load-inputs.ts';
import { unknownName } from '../core/nearest.ts';
import { openReporter } from './open-reporter.ts';
import { wholePlan } from '../repository/select-plan.ts';
import { explain, type ExitCode, type Session } from './session.ts';
import { openWorkshop, type SourceRequest } from '../build/build-context.ts';

/** `bootstrap fetch`: brings sources into the store, so that a later build can do `--offline`. */
export async function fetchCommand(
  session: Session,
  names: readonly string[],
  request: SourceRequest,
): Promise<ExitCode> {
  const repository = await loadRepository(session.repository, session.archDirectories);
  if (!repository.ok) return explain(session, repository.failure);
  const wanted = await wantedSources(repository.value, names);
  if (!wanted.ok) return explain(session, wanted.failure);
  const opened = openReporter(session, undefined);
  if (!opened.ok) return explain(session, opened.failure);
  const reporter = opened.value;
  const clock = () => performance.now();
  const say = (text: string): void => reporter.report({ kind: 'note', at: clock(), text });
  const workshop = await openWorkshop(session, repository.value.lock, request, say);
  if (!workshop.ok) return explain(session, workshop.failure);
  const { store, sources } = workshop.value;
  const interrupt = catchInterrupts(say, () => reporter.close());
  const failures: Failure[] = [];
  let fetched = 0;
  reporter.report({ kind: 'build-started', at: clock(), actions: 0, sources: wanted.value.length });
  try {
    for (const source of wanted.value) {
      const known = await sources.recall(source);
      if (known !== undefined && (await store.hasTree(known))) continue;
      reporter.report({ kind: 'source-started', at: clock(), source: sourceId(source) });
      const obtaining = sources.obtain(source, (line) =>
        reporter.report({ kind: 'source-progress', at: clock(), source: sourceId(source), line }),
      );
      // A download cannot be called off, and leaves nothing half-done: an interrupt does not wait for it.
      const obtained = await Promise.race([obtaining, whenAborted(interrupt.signal)]);
      if (obtained.ok) {
        fetched += 1;
        reporter.report({
          kind: 'source-finished',
          at: clock(),
          source: sourceId(source),
          digest: obtained.value,
        });
        continue;
      }
      failures.push(obtained.failure);
      reporter.report({ kind: 'failed', at: clock(), failure: obtained.failure });
      if (hopeless.has(obtained.failure.reason)) break;
    }
  } finally {
    reporter.close();
    interrupt.release();
  }
  const [first] = failures;
  if (first !== undefined) return exitCodeOf(first);
  session.out(`${count(wanted.value.length, 'source')} in the store, ${fetched} of them new\n`);
  return 0;
}

/** What would stop every other source too. */
const hopeless: ReadonlySet<Failure['reason']> = new Set(['interrupted', 'no-room', 'unwritable']);

async function whenAborted(signal: AbortSignal): Promise<Result<never, Failure>> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return failed({ reason: 'interrupted', signal: String(signal.reason) });
}

/** Sources by name (`gcc`, or `linux@6.12.107` for one that is not the default) and those that arches need. */
async function wantedSources(
  repository: Repository,
  names: readonly string[],
): Promise<Result<readonly PlannedSource[], Failure>> {
  const { lock, files, arches } = repository;
  const planned = lock.sources.map((locked) => ({
    isDefault: locked.isDefault,
    source: {
      name: locked.name,
      version: locked.version,
      tree: locked.tree,
      patches: patchesOf(locked.name, files),
    } satisfies PlannedSource,
  }));
  if (names.length === 0) return ok(planned.filter(({ isDefault }) => isDefault).map(({ source }) => source));
  const wanted = new Map<string, PlannedSource>();
  for (const name of names) {
    const named = planned.find(
      ({ source, isDefault }) => versioned(source) === name || (isDefault && source.name === name),
    );
    if (named !== undefined) {
      wanted.set(sourceId(named.source), named.source);
      continue;
    }
    const inputs = await planInputs(repository, { arch: name });
    if (!inputs.ok) {
      if (inputs.failure.reason !== 'unknown-name') return inputs;
      const sources = planned.map(({ source, isDefault }) => (isDefault ? source.name : versioned(source)));
      const listing = '`bootstrap list sources` and `bootstrap list arches` list them.';
      return failed(unknownName('source or arch', name, [...arches.names, ...sources], listing));
    }
    const plan = wholePlan(inputs.value, { kind: 'everything', withNative: true });
    if (!plan.ok) return plan;
    for (const source of plan.value.sources) wanted.set(sourceId(source), source);
  }
  return ok([...wanted.values()]);
}

/** A source with its version as one word of the command line. */
function versioned(source: PlannedSource): string {
  return `${source.name}@${source.version}`;
}

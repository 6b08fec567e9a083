import path from 'node:path';
import { performance } from 'node:perf_hooks';
import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import { build, type BuildOptions, type BuildOutcome } from '../engine/build.ts';
import { hasRecord } from '../engine/record.ts';
import { stageIdOf } from '../plan/graph.ts';
import { actionName, type ActionName } from '../plan/names.ts';
import { count, exitCodeOf } from '../report/failure-text.ts';
import type { Store } from '../store/store.ts';
import { catchInterrupts } from './interrupt.ts';
import { exclusively, prepareOutDirectory } from '../release/out-directory.ts';
import { publishProduct, type PublishedProduct } from '../release/publish.ts';
import { writeRecords } from '../release/records.ts';
import { openReporter } from './open-reporter.ts';
import { createDirectoryProvider } from '../repository/overlay.ts';
import { selectPlan, type PlanRequest, type SelectedPlan } from '../repository/select-plan.ts';
import { explain, outDirectory, type ExitCode, type Session } from './session.ts';
import { stageTable, type StageSpan } from './summary.ts';
import type { OpenWorkshop, SourceRequest, Workshop } from '../build/build-context.ts';

export interface BuildRequest {
  readonly plan: PlanRequest;
  readonly sources: SourceRequest;
  /** Tokens of the jobserver. */
  readonly jobs: number;
  /** `--out`, as the user wrote it. */
  readonly out?: string;
  /** `--events`, likewise. */
  readonly events?: string;
  /** Writes down the commands that actions run; `again`: also of those whose results are known. Undefined: no. */
  readonly record?: { readonly again: boolean };
}

/** How often products are made again that turn out damaged when they are copied. */
const attempts = 2;

/** `bootstrap ARCH` and `bootstrap image ARCH`: builds, copies products out, and says what there is. */
export async function buildCommand(
  session: Session,
  request: BuildRequest,
  open?: OpenWorkshop,
): Promise<ExitCode> {
  const selected = await selectPlan(session.repository, request.plan);
  if (!selected.ok) return explain(session, selected.failure);
  const { plan, inputs, repository } = selected.value;
  const directory = outDirectory(session, request.out, inputs.target.name);
  if (plan.products.length > 0) {
    const prepared = await prepareOutDirectory(directory);
    if (!prepared.ok) return explain(session, prepared.failure);
  }
  const reporter = openReporter(session, request.events);
  if (!reporter.ok) return explain(session, reporter.failure);
  const say = (text: string): void => reporter.value.report({ kind: 'note', at: performance.now(), text });
  // Not before: what a build needs takes a while to load, and a mistake on the command line need not wait for it.
  const openWorkshop = open ?? (await import('../build/build-context.ts')).openWorkshop;
  const opened = await openWorkshop(
    session,
    repository.lock,
    { ...request.sources, jobs: request.jobs },
    say,
  );
  if (!opened.ok) return explain(session, opened.failure);
  const interrupt = catchInterrupts(say, () => reporter.value.close());
  const spans = new StageSpans();
  const onEvent = (event: BuildEvent): void => {
    spans.take(event);
    reporter.value.report(event);
  };
  const options: BuildOptions = {
    ...opened.value,
    directories: createDirectoryProvider(opened.value.store, selected.value.directories),
    clock: () => performance.now(),
    onEvent,
    signal: interrupt.signal,
  };
  try {
    const record = await recordOptions(session, selected.value, request, {
      ...options,
      // It is no part of what was asked for, and would be counted as one.
      onEvent: (event) => {
        if (event.kind === 'failed' || event.kind === 'note') reporter.value.report(event);
      },
    });
    if (!record.ok) return exitCodeOfAll(record.failure);
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await build(plan, { ...options, ...record.value });
      if (!outcome.ok) return exitCodeOfAll(outcome.failures);
      const published = await publish(selected.value, request, opened.value, outcome, directory);
      reporter.value.close();
      if (published.ok) {
        session.out(finalText(session, selected.value, outcome, published.value, spans, directory));
        if (request.record !== undefined) session.out(await recordNote(opened.value.store, outcome));
        return 0;
      }
      if (published.failure.reason !== 'damaged-tree' || attempt === attempts) {
        return explain(session, published.failure);
      }
    }
  } finally {
    reporter.value.close();
    interrupt.release();
  }
}

/** Makes the recorder where commands are to be recorded. */
async function recordOptions(
  session: Session,
  selected: SelectedPlan,
  { plan, record }: BuildRequest,
  options: BuildOptions,
): Promise<Result<Pick<BuildOptions, 'record'>, readonly Failure[]>> {
  if (record === undefined) return ok({});
  const { actionsMeant, makeRecorder } = await import('../build/recorder.ts');
  const recorder = await makeRecorder(session.repository, options);
  if (!recorder.ok) return recorder;
  const again = record.again ? actionsMeant(selected, plan) : new Set<ActionName>();
  return ok({ record: { recorder: recorder.value, again } });
}

async function recordNote(store: Store, outcome: BuildOutcome): Promise<string> {
  let without = 0;
  for (const { key } of outcome.results.values()) if (!(await hasRecord(store, key))) without += 1;
  const more =
    without === 0
      ? ''
      : `; ${count(without, 'action')} did not run and ${without === 1 ? 'has' : 'have'} none (--again runs them for it)`;
  const records = count(outcome.results.size - without, 'record');
  return `\n${records} of commands, summed up by \`bootstrap record\`${more}\n`;
}

async function publish(
  selected: SelectedPlan,
  request: BuildRequest,
  workshop: Workshop,
  outcome: BuildOutcome,
  directory: string,
): Promise<Result<readonly PublishedProduct[], Failure>> {
  const { plan } = selected;
  if (plan.products.length === 0) return ok([]);
  return exclusively(directory, async () => {
    const published: PublishedProduct[] = [];
    for (const product of plan.products) {
      const tree = outcome.results.get(product.ref.action)?.outputs[product.ref.output];
      if (tree === undefined) throw new Error(`no result for product ${product.name}`);
      const copied = await publishProduct(workshop.store, directory, product, tree);
      if (!copied.ok) return copied;
      published.push(copied.value);
    }
    const variants = workshop.variants();
    const { store } = workshop;
    await writeRecords({ selected, request, outcome, store, variants, directory, products: published });
    return ok(published);
  });
}

function finalText(
  session: Session,
  { plan }: SelectedPlan,
  outcome: BuildOutcome,
  published: readonly PublishedProduct[],
  spans: StageSpans,
  directory: string,
): string {
  const place = path.relative(session.cwd, directory);
  const shown = place.startsWith('..') ? directory : place === '' ? '.' : place;
  const written = published.filter((product) => product.written);
  if (outcome.ran.length === 0 && written.length === 0) {
    return published.length === 0
      ? 'nothing to do: everything is built\n'
      : `nothing to do: everything is built, and the products lie in ${shown}\n`;
  }
  const lines = published.map(
    ({ product, written: fresh }) => `  ${product.name}${fresh ? '' : ' (unchanged)'}\n`,
  );
  const products =
    published.length === 0 ? '' : `\nProducts in ${shown}, with manifest.json and SHA256SUMS:\n`;
  return `\n${stageTable(plan, outcome, spans.byStage)}${products}${lines.join('')}`;
}

function exitCodeOfAll(failures: readonly Failure[]): ExitCode {
  const [first] = failures;
  if (first === undefined) throw new Error('a build failed for no reason');
  return failures.some(({ reason }) => reason === 'interrupted') ? 1 : exitCodeOf(first);
}

/** From the first start to the last end in each stage. */
class StageSpans {
  readonly byStage = new Map<string, StageSpan>();

  take(event: BuildEvent): void {
    if (event.kind !== 'action-started' && event.kind !== 'action-finished') return;
    const stage = stageIdOf(actionName(event.action));
    const span = this.byStage.get(stage);
    this.byStage.set(stage, { from: span?.from ?? event.at, to: event.at });
  }
}

import { count } from '../core/count.ts';
import type { BuildEvent } from '../core/event.ts';
import type { BuildOutcome } from '../engine/build.ts';
import { hasRecord } from '../engine/record.ts';
import type { Plan } from '../plan/action.ts';
import { stageIdOf } from '../plan/graph.ts';
import { stages } from '../../stages/index.ts';
import { stageIdsOf } from '../../stages/select.ts';
import { actionName } from '../plan/names.ts';
import type { MadeProducts } from '../release/make-products.ts';
import type { NativeBuildEnd } from '../native-build/run.ts';
import { duration } from '../report/duration.ts';
import type { Store } from '../store/store.ts';

/** What was observed of a stage while it ran. */
export interface StageSpan {
  /** Milliseconds of the build's clock. */
  readonly from: number;
  readonly to: number;
}

/** From the first start to the last end in each stage. */
export class StageSpans {
  readonly byStage = new Map<string, StageSpan>();

  take(event: BuildEvent): void {
    if (event.kind !== 'action-started' && event.kind !== 'action-finished') return;
    const stage = stageIdOf(actionName(event.action));
    const span = this.byStage.get(stage);
    this.byStage.set(stage, { from: span?.from ?? event.at, to: event.at });
  }
}

/** The summary of a successful build. `place` is the directory of its products, as it is shown. */
export function buildText(
  plan: Plan,
  { outcome, products }: MadeProducts,
  spans: StageSpans,
  place: string,
): string {
  if (outcome.ran.length === 0 && !products.some(({ written }) => written)) {
    return products.length === 0
      ? 'nothing to do: everything is built\n'
      : `nothing to do: everything is built, and the products are in ${place}\n`;
  }
  const lines = products.map(
    ({ product, written: fresh }) => `  ${product.name}${fresh ? '' : ' (unchanged)'}\n`,
  );
  const heading = products.length === 0 ? '' : `\nProducts in ${place}, with manifest.json and SHA256SUMS:\n`;
  return `\n${stageTable(plan, outcome, spans.byStage)}${heading}${lines.join('')}`;
}

/** How many of a build's actions have a record of their commands. */
export async function recordNote(store: Store, outcome: BuildOutcome): Promise<string> {
  let without = 0;
  for (const { key } of outcome.results.values()) if (!(await hasRecord(store, key))) without += 1;
  const more =
    without === 0
      ? ''
      : `; ${count(without, 'action')} did not run and ${without === 1 ? 'has' : 'have'} none (--again reruns them to record them)`;
  const records = count(outcome.results.size - without, 'record');
  return `\n${records} of commands, summed up by \`bootstrap record\`${more}\n`;
}

/**
 * Table of this run's wall and CPU time by stage. Wall time is from a stage's first start to its last end; stages
 * overlap. A stage that came entirely from the store has neither.
 */
export function stageTable(plan: Plan, outcome: BuildOutcome, spans: ReadonlyMap<string, StageSpan>): string {
  const ran = new Set(outcome.ran);
  const rows = stageIdsOf(stages, plan).map((stage) => {
    const actions = plan.actions.filter((action) => stageIdOf(action.name) === stage);
    const fresh = actions.filter(({ name }) => ran.has(name));
    const known = fresh.flatMap(({ name }) => outcome.results.get(name)?.cpuSeconds ?? []);
    const cpu = known.length === 0 ? '-' : duration(known.reduce((sum, seconds) => sum + seconds, 0));
    const span = spans.get(stage);
    const times = span === undefined ? ['-', '-'] : [duration((span.to - span.from) / 1000), cpu];
    return [stage, ...times, `${fresh.length} of ${actions.length}`];
  });
  return table([['stage', 'wall', 'CPU', 'actions run'], ...rows]);
}

/** Columns side by side: the first left-aligned, the others right-aligned. Ends with a newline. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('   '),
    )
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}

/** What a native build left. `place` is the directory of its results, as it is shown. */
export function resultsText({ files }: Pick<NativeBuildEnd, 'files'>, place: string): string {
  const rows = files.map(({ name, size }) => [name, `${String(size)} bytes`]);
  return rows.length === 0 ? 'It left nothing in /upload.\n' : `Results in ${place}:\n${table(rows)}`;
}

import type { BuildOutcome } from '../engine/build.ts';
import type { Plan } from '../plan/action.ts';
import { stageIdOf } from '../plan/graph.ts';
import { stages } from '../../stages/index.ts';
import { stageIdsOf } from '../../stages/select.ts';
import { duration } from '../report/duration.ts';

/** What was seen of a stage while it ran. */
export interface StageSpan {
  /** Milliseconds of the build's clock. */
  readonly from: number;
  readonly to: number;
}

/**
 * Table of this run's wall and CPU time by stage. Wall time is from a stage's first start to its last end; stages
 * overlap. A stage that came out of the store whole has neither.
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

/** Columns side by side: the first to the left, the others to the right. Ends with a newline. */
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

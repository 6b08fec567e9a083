/**
 * What a plan's actions cost in two checkouts of this repository, in CPU seconds: everything is built twice, action by action in
 * turns, so that whatever else happens on this machine happens to both.
 *
 *     git worktree add ../old COMMIT
 *     node src/start/run.mjs bench/main-job.ts --old ../old --work DIR [--less ARCH] -- armv5l --host i686
 *
 * What follows `--` is what `bootstrap plan` takes: an arch and options of the plan. `--old-option OPTION` and `--new-option OPTION`
 * (each may be repeated) belong to one of the two. A checkout that is not named, by `--old` or `--new`, is this one. With `--less`,
 * actions that the plan of another arch has too are built but not counted: what a further target of the same host costs. `--actions`
 * prints every action, not only stages.
 *
 * DIR keeps a store for each. A run that was interrupted goes on where it was; one that is repeated measures nothing again.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { errorCode } from '../src/core/fault.ts';
import { isRecord, parseJson } from '../src/core/json.ts';
import { place } from '../src/core/place.ts';
import { markdownTable } from './markdown-table.ts';

const { values, positionals: selection } = parseArgs({
  allowPositionals: true,
  options: {
    old: { type: 'string', default: place().repository },
    new: { type: 'string', default: place().repository },
    work: { type: 'string' },
    less: { type: 'string' },
    actions: { type: 'boolean', default: false },
    'old-option': { type: 'string', multiple: true, default: [] },
    'new-option': { type: 'string', multiple: true, default: [] },
  },
});
if (values.work === undefined || selection.length === 0) {
  throw new Error('name a directory with --work, and an arch and options of its plan after --');
}
const work = path.resolve(values.work);

interface Side {
  readonly name: string;
  readonly checkout: string;
  readonly store: string;
  /** Options of the plan that belong to this side alone. */
  readonly options: readonly string[];
  /** Plan ids by the names of actions, in an order in which they can run. */
  readonly plan: ReadonlyMap<string, string>;
}

function bootstrap(checkout: string, argv: readonly string[], output: 'pipe' | 'inherit'): string {
  const result = spawnSync(path.join(checkout, 'bootstrap'), argv, {
    cwd: checkout,
    stdio: ['ignore', output, 'inherit'],
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (result.status !== 0) {
    const end = result.error?.message ?? result.signal ?? String(result.status);
    throw new Error(`bootstrap ${argv.join(' ')} in ${checkout} ended with ${end}`);
  }
  return result.stdout;
}

function planOf(checkout: string, argv: readonly string[]): ReadonlyMap<string, string> {
  const plan = parseJson(bootstrap(checkout, ['plan', ...argv, '--json'], 'pipe'));
  const actions: unknown = isRecord(plan) ? plan['actions'] : undefined;
  if (!Array.isArray(actions)) throw new Error(`bootstrap plan in ${checkout} prints no list of actions`);
  return new Map(
    actions.map((action: unknown): readonly [string, string] => {
      const { name, planId } = isRecord(action) ? action : {};
      if (typeof name !== 'string' || typeof planId !== 'string') {
        throw new Error(`an action of the plan in ${checkout} has no name or no plan id`);
      }
      return [name, planId];
    }),
  );
}

function sideOf(name: string, checkout: string, options: readonly string[]): Side {
  const store = path.join(work, name);
  mkdirSync(store, { recursive: true });
  return { name, checkout, store, options, plan: planOf(checkout, [...selection, ...options]) };
}

/** CPU seconds that the store remembers of an action; undefined if it never ran. */
function cpuSeconds(side: Side, action: string): number | undefined {
  const id = side.plan.get(action);
  if (id === undefined) return undefined;
  const file = path.join(side.store, 'notes/durations', `${id}.json`);
  try {
    const note = parseJson(readFileSync(file, 'utf8'));
    const seconds: unknown = isRecord(note) ? note['cpuSeconds'] : undefined;
    if (typeof seconds !== 'number') throw new Error(`${file} has no CPU seconds`);
    return seconds;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function measure(side: Side, action: string): void {
  if (!side.plan.has(action) || cpuSeconds(side, action) !== undefined) return;
  console.log(`${side.name}: ${action}`);
  const argv = [...selection, ...side.options, '--only-action', action, '--store', side.store];
  bootstrap(side.checkout, ['build', ...argv], 'inherit');
  if (cpuSeconds(side, action) === undefined) {
    throw new Error(`${action} in ${side.checkout} left no time in ${side.store}`);
  }
}

const before = sideOf('old', path.resolve(values.old), values['old-option']);
const now = sideOf('new', path.resolve(values.new), values['new-option']);
// What only one plan has comes at its place in that one.
const names = [...new Set([...now.plan.keys(), ...before.plan.keys()])];
names.forEach((action, index) => {
  for (const side of index % 2 === 0 ? [before, now] : [now, before]) measure(side, action);
});

/** Plan ids of what is not counted. */
function lessOf({ checkout, options }: Side): ReadonlySet<string> {
  if (values.less === undefined) return new Set();
  return new Set(planOf(checkout, [values.less, ...selection.slice(1), ...options]).values());
}
const [lessBefore, lessNow] = [lessOf(before), lessOf(now)];

/** Sum by row; a row that a side does not have is undefined there. */
function sums(side: Side, less: ReadonlySet<string>, rowOf: (action: string) => string): Map<string, number> {
  const rows = new Map<string, number>();
  for (const [action, id] of side.plan) {
    if (less.has(id)) continue;
    const row = rowOf(action);
    rows.set(row, (rows.get(row) ?? 0) + (cpuSeconds(side, action) ?? 0));
  }
  return rows;
}

function row(name: string, from: number | undefined, to: number | undefined): readonly string[] {
  const minutes = [from, to].map((seconds) => (seconds === undefined ? '-' : (seconds / 60).toFixed(1)));
  const ratio = from === undefined || to === undefined || from === 0 ? '-' : (to / from).toFixed(2);
  return [name, ...minutes, ratio];
}

const rowOf = (action: string) => (values.actions ? action : (action.split('/')[0] ?? action));
const [fromRows, toRows] = [sums(before, lessBefore, rowOf), sums(now, lessNow, rowOf)];
const total = (rows: ReadonlyMap<string, number>) => [...rows.values()].reduce((sum, one) => sum + one, 0);
console.log(
  `CPU minutes of ${selection.join(' ')}${values.less === undefined ? '' : ` after ${values.less}`}:\n`,
);
console.log(
  markdownTable([
    [values.actions ? 'action' : 'stage', 'before', 'now', 'ratio'],
    ...[...new Set([...toRows.keys(), ...fromRows.keys()])].map((name) =>
      row(name, fromRows.get(name), toRows.get(name)),
    ),
    row('all', total(fromRows), total(toRows)),
  ]),
);

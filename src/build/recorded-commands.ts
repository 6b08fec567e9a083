import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { recallAction, type ActionHistory } from '../engine/history.ts';
import { hasRecord, recordPath } from '../engine/record.ts';
import type { Action, Plan, Ref } from '../plan/action.ts';
import { refLabel } from '../plan/graph.ts';
import type { Key } from '../plan/names.ts';
import type { Store } from '../store/store.ts';
import {
  parseCommand,
  programsOf,
  sumUp,
  UseCounter,
  type ActionUse,
  type NamedTool,
  type Programs,
  type RecordedCommand,
  type RecordSummary,
} from './record-summary.ts';

/** The commands that an action ran when the result of a key was made. Fails with `not-recorded`. */
export async function recordedCommands(
  store: Store,
  action: string,
  key: Key,
): Promise<Result<AsyncGenerator<RecordedCommand>, Failure>> {
  if (!(await hasRecord(store, key))) return failed({ reason: 'not-recorded', action });
  return ok(readRecord(await recordPath(store, key)));
}

/**
 * What the actions of a plan ran of the tools that they list, according to the records of their latest runs. Fails with
 * `not-recorded` if none has a record.
 */
export async function summarizeRecords(plan: Plan, store: Store): Promise<Result<RecordSummary, Failure>> {
  const trees = new TreePrograms(store);
  const uses: ActionUse[] = [];
  const without: string[] = [];
  for (const action of plan.actions) {
    const history = await recallAction(store, action.name);
    if (history?.built === undefined || !(await hasRecord(store, history.key))) {
      without.push(action.name);
      continue;
    }
    const counter = new UseCounter(action.name, await namedTools(action, history, trees));
    for await (const command of readRecord(await recordPath(store, history.key))) counter.take(command);
    uses.push(counter.end());
  }
  return uses.length === 0 ? failed({ reason: 'not-recorded' }) : ok(sumUp(uses, trees.commands, without));
}

/** The commands of a record, one after the other; invalid lines are ignored. */
async function* readRecord(file: string): AsyncGenerator<RecordedCommand> {
  const lines = createInterface({ input: createReadStream(file, { encoding: 'utf8' }), crlfDelay: Infinity });
  for await (const line of lines) {
    const command = parseCommand(line);
    if (command !== undefined) yield command;
  }
}

/** The tools of an action as of its last success; a tool whose tree is no longer in the store is ignored. */
async function namedTools(
  action: Action,
  { built }: ActionHistory,
  trees: TreePrograms,
): Promise<readonly NamedTool[]> {
  const machine = action.recipe.inputs.filter(({ path }) => path === '/').flatMap(({ refs }) => refs);
  const refs: readonly (readonly [string, Ref])[] = [
    ...action.recipe.tools.map((ref) => ['/tools', ref] as const),
    ...machine.map((ref) => ['', ref] as const),
  ];
  const named: NamedTool[] = [];
  for (const [place, ref] of refs) {
    const label = refLabel(ref);
    const tree = built?.inputs[label];
    const programs = tree === undefined ? undefined : await trees.of(label, tree);
    if (programs !== undefined) named.push({ label, place, programs });
  }
  return named;
}

/** Programs of trees, each listed once. */
class TreePrograms {
  readonly #store: Store;
  readonly #known = new Map<Digest, Programs>();
  /** Commands of all requested trees, by label. */
  readonly commands = new Map<string, ReadonlySet<string>>();

  constructor(store: Store) {
    this.#store = store;
  }

  async of(label: string, tree: Digest): Promise<Programs | undefined> {
    const known = this.#known.get(tree);
    if (known === undefined && !(await this.#store.hasTree(tree))) return undefined;
    const programs = known ?? programsOf(await this.#store.listTree(tree));
    this.#known.set(tree, programs);
    if (!this.commands.has(label)) this.commands.set(label, programs.commands);
    return programs;
  }
}

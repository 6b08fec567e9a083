import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Digest } from '../core/digest.ts';
import { recallAction, type ActionHistory } from '../engine/history.ts';
import { hasRecord, recordPath } from '../engine/record.ts';
import type { Action, Ref } from '../plan/action.ts';
import { refLabel } from '../plan/graph.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../build/open-store.ts';
import {
  parseCommand,
  programsOf,
  summaryJson,
  summaryText,
  sumUp,
  UseCounter,
  type ActionUse,
  type NamedTool,
  type Programs,
  type RecordedCommand,
} from '../build/record-summary.ts';
import { selectPlan, type PlanRequest } from '../repository/select-plan.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, storeDirectory, type Session } from './session.ts';

/**
 * `bootstrap record ARCH`: what the actions of a plan ran of the tools that they name, by the records of their latest
 * runs. Touches neither network nor results.
 */
export async function recordCommand(
  session: Session,
  request: PlanRequest,
  options: { readonly store?: string; readonly json: boolean },
): Promise<ExitCode> {
  const selected = await selectPlan(session.repository, request);
  if (!selected.ok) return explain(session, selected.failure);
  const { plan, repository } = selected.value;
  const root = storeDirectory(session, options.store);
  const say = (text: string): void => session.err(`${text}\n`);
  const store = await openStore(root, repository.lock.sourceDateEpoch, say);
  if (!store.ok) return explain(session, store.failure);

  const trees = new TreePrograms(store.value);
  const uses: ActionUse[] = [];
  const without: string[] = [];
  for (const action of plan.actions) {
    const history = await recallAction(store.value, action.name);
    if (history?.built === undefined || !(await hasRecord(store.value, history.key))) {
      without.push(action.name);
      continue;
    }
    const counter = new UseCounter(action.name, await namedTools(action, history, trees));
    for await (const command of readRecord(await recordPath(store.value, history.key))) counter.take(command);
    uses.push(counter.end());
  }
  if (uses.length === 0) {
    return explain(session, {
      reason: 'wrong-use',
      what: 'no action of this plan has a record of its commands',
      hint: 'Build with --record; of what is built already, --record --again makes records.',
    });
  }
  const summary = sumUp(uses, trees.commands, without);
  session.out(options.json ? summaryJson(summary) : summaryText(summary));
  return 0;
}

/** The commands of a record, one after the other; lines that are none are passed over. */
export async function* readRecord(file: string): AsyncGenerator<RecordedCommand> {
  const lines = createInterface({ input: createReadStream(file, { encoding: 'utf8' }), crlfDelay: Infinity });
  for await (const line of lines) {
    const command = parseCommand(line);
    if (command !== undefined) yield command;
  }
}

/** The tools of an action as they were when it last succeeded; one whose tree is gone from the store is passed over. */
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
  /** Commands of all trees that were asked for, by label. */
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

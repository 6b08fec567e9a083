import { isDigest, type Digest } from '../core/digest.ts';
import type { Why } from '../core/event.ts';
import { isRecord } from '../core/json.ts';
import type { Action, Ref } from '../plan/action.ts';
import { bindRecipe } from '../plan/bind.ts';
import type { BoundRecipe, Content } from '../plan/bound.ts';
import { refLabel, refsOf } from '../plan/graph.ts';
import { keyOf, pseudoDigest } from '../plan/key.ts';
import { key, type ActionName, type Key, type PlanId } from '../plan/names.ts';
import type { ContentStore } from '../store/store.ts';

/** Inputs and outputs of an action when it last succeeded. */
export interface BuiltOnce {
  /** Digest of the recipe with the names of its refs instead of their contents. */
  readonly recipe: string;
  /** Content by ref, as named by `refLabel`. */
  readonly inputs: Readonly<Record<string, Digest>>;
  readonly outputs: Readonly<Record<string, Digest>>;
}

/** What the store remembers of an action by its name. It is used only for explanations, never for decisions. */
export interface ActionHistory {
  /** Key of the latest attempt, including one that failed or is still running: it leads to the log. */
  readonly key: Key;
  /** Undefined: it never succeeded. */
  readonly built?: BuiltOnce;
}

/** Seconds that an action with a plan id took when it last ran. */
export interface RememberedTime {
  readonly wallSeconds: number;
  /** Undefined: not known to its executor. */
  readonly cpuSeconds?: number;
}

/** What is remembered of an action; undefined if it was never tried. For `bootstrap log` and `why`. */
export async function recallAction(
  store: ContentStore,
  name: ActionName,
): Promise<ActionHistory | undefined> {
  const note = await store.getNote('actions', name);
  if (!isRecord(note) || typeof note['key'] !== 'string' || !/^[0-9a-f]{64}$/.test(note['key']))
    return undefined;
  const built = readBuilt(note['built']);
  return { key: key(note['key']), ...(built === undefined ? {} : { built }) };
}

export async function rememberAction(
  store: ContentStore,
  name: ActionName,
  history: ActionHistory,
): Promise<void> {
  await store.putNote('actions', name, history);
}

export async function recallTime(store: ContentStore, id: PlanId): Promise<RememberedTime | undefined> {
  const note = await store.getNote('durations', id);
  if (!isRecord(note)) return undefined;
  const { wallSeconds, cpuSeconds } = note;
  if (typeof wallSeconds !== 'number') return undefined;
  return { wallSeconds, ...(typeof cpuSeconds === 'number' ? { cpuSeconds } : {}) };
}

export async function rememberTime(store: ContentStore, id: PlanId, time: RememberedTime): Promise<void> {
  await store.putNote('durations', id, time);
}

/** What to remember of an action whose refs have these contents. */
export function traceOf(
  action: Action,
  resolve: (ref: Ref) => Content,
): Pick<BuiltOnce, 'recipe' | 'inputs'> {
  const labelled: BoundRecipe = bindRecipe(action.recipe, (ref) => ({
    kind: 'tree',
    digest: pseudoDigest('label', refLabel(ref)),
  }));
  const inputs = refsOf(action.recipe).map((ref) => [refLabel(ref), resolve(ref).digest] as const);
  return { recipe: keyOf(labelled), inputs: Object.fromEntries(inputs) };
}

/** Why an action without a result has to run. */
export function whyRun(
  action: Action,
  trace: Pick<BuiltOnce, 'recipe' | 'inputs'>,
  history: ActionHistory | undefined,
): Why {
  const built = history?.built;
  if (built === undefined) return { kind: 'never-built' };
  if (built.recipe !== trace.recipe) return { kind: 'recipe-changed' };
  const refs = Object.keys(trace.inputs).filter((label) => built.inputs[label] !== trace.inputs[label]);
  if (refs.length > 0) return { kind: 'inputs-changed', refs };
  // Nothing differs, so the result itself was collected or lost.
  return { kind: 'tree-gone', outputs: Object.keys(action.recipe.outputs) };
}

function readBuilt(value: unknown): BuiltOnce | undefined {
  if (!isRecord(value) || typeof value['recipe'] !== 'string') return undefined;
  const inputs = readDigests(value['inputs']);
  const outputs = readDigests(value['outputs']);
  return inputs === undefined || outputs === undefined
    ? undefined
    : { recipe: value['recipe'], inputs, outputs };
}

function readDigests(value: unknown): Readonly<Record<string, Digest>> | undefined {
  if (!isRecord(value)) return undefined;
  const digests: Record<string, Digest> = {};
  for (const [name, text] of Object.entries(value)) {
    if (!isDigest(text)) return undefined;
    digests[name] = text;
  }
  return digests;
}

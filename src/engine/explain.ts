import type { Why } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import type { Plan } from '../plan/action.ts';
import type { ActionName, Key } from '../plan/names.ts';
import type { Digest } from '../core/digest.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { BuildOptions } from './build-types.ts';
import { makeExternalInputs } from './external-inputs.ts';
import { recallAction, traceOf, type ActionHistory } from './history.ts';
import { makeNodes, type Node } from './nodes.ts';
import { Resolver } from './resolver.ts';
import { TreeAvailability } from './tree-availability.ts';

/** Content of an input that is another one than when the action last succeeded. */
export interface ChangedInput {
  /** As `refLabel` names it. */
  readonly label: string;
  /** Undefined: the action did not have such an input. */
  readonly before: Digest | undefined;
  /** Undefined: it no longer has. */
  readonly after: Digest | undefined;
}

/** How an action stands before a build, as far as the store tells. */
export type Standing =
  /** Its result is known. */
  | {
      readonly kind: 'known';
      readonly key: Key;
      readonly bound: BoundRecipe;
      readonly outputs: Readonly<Record<string, Digest>>;
      readonly wallSeconds: number;
    }
  /** A build would run it. */
  | {
      readonly kind: 'must-run';
      readonly key: Key;
      readonly bound: BoundRecipe;
      readonly why: Why;
      readonly changed: readonly ChangedInput[];
      /** Undefined: it was never tried. */
      readonly history: ActionHistory | undefined;
    }
  /**
   * A build would first run actions and obtain sources, and only then know. `first` are those of them that nothing else keeps
   * waiting, by name.
   */
  | { readonly kind: 'waiting'; readonly first: readonly string[] };

/**
 * How the actions of a plan stand, from what the store remembers: nothing is run or fetched, but the machine's own trees are read if
 * the plan names them. Fails if these cannot be had.
 */
export async function standings(
  plan: Plan,
  options: Pick<BuildOptions, 'store' | 'sources' | 'machine' | 'directories'>,
): Promise<Result<(name: ActionName) => Promise<Standing>, Failure>> {
  const { store } = options;
  const nodes = makeNodes(plan);
  const inputs = await makeExternalInputs(plan, nodes.values(), options);
  for (const input of inputs.values()) {
    if (input.id !== 'compiler' && input.id !== 'machine-utilities') continue;
    const obtained = await input.obtain(() => undefined);
    if (!obtained.ok) return obtained;
    input.digest = obtained.value;
  }
  const resolver = new Resolver({ plan, nodes, inputs, store, trees: new TreeAvailability(store) });
  await resolver.resolveKeys(() => undefined);
  const unknownInputs = (node: Node): readonly string[] =>
    [...inputs.values()]
      .filter(({ digest, dependants }) => digest === undefined && dependants.includes(node))
      .map(({ id }) => id);

  return ok(async (name) => {
    const node = nodes.get(name);
    if (node === undefined) throw new Error(`the plan lists no action ${name}`);
    const { state, key, bound, why, result, action } = node;
    if (state === 'known' && key !== undefined && bound !== undefined && result !== undefined)
      return { kind: 'known', key, bound, outputs: result.outputs, wallSeconds: result.wallSeconds };
    if (key === undefined || bound === undefined || why === undefined)
      return { kind: 'waiting', first: firstOf(node, unknownInputs) };
    const history = await recallAction(store, name);
    const before = history?.built?.inputs ?? {};
    const after = traceOf(action, resolver.resolve).inputs;
    const labels = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const changed = labels
      .filter((label) => before[label] !== after[label])
      .map((label) => ({ label, before: before[label], after: after[label] }));
    return {
      kind: 'must-run',
      key,
      bound,
      why,
      history,
      changed: history?.built === undefined ? [] : changed,
    };
  });
}

/** What has to be done before anything else of what an action waits for. */
function firstOf(node: Node, unknownInputs: (node: Node) => readonly string[]): readonly string[] {
  const seen = new Set<Node>();
  const first: string[] = [];
  const visit = (one: Node): void => {
    if (seen.has(one)) return;
    seen.add(one);
    if (one.state === 'must-run') first.push(one.action.name);
    if (one.state !== 'waiting') return;
    first.push(...unknownInputs(one));
    for (const dependency of one.dependencies) visit(dependency);
  };
  visit(node);
  return [...new Set(first)];
}

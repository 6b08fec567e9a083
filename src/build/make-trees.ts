import { performance } from 'node:perf_hooks';
import type { Digest } from '../core/digest.ts';
import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { catchFailures } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { build, type BuildOutcome, type RecordOptions } from '../engine/build.ts';
import type { Action, Plan, Product } from '../plan/action.ts';
import type { ActionName } from '../plan/names.ts';
import type { DirectoryProvider, SourceProvider } from '../plan/providers.ts';
import type { BuildContext } from './build-context.ts';

/** How often trees are made that turn out damaged when they are read. */
const attempts = 2;

/** What may be done for a tree that is wanted only where it costs next to nothing; for more, `not-allowed` is the failure. */
export interface Allowed {
  /** Whether an action may run; the result of any other has to be in the store. */
  readonly mayRun: (action: string) => boolean;
  /** Whether sources may be fetched and unpacked. */
  readonly mayFetch: boolean;
}

/** What is built, with what, and who is told. */
export interface TreesRequest {
  readonly plan: Plan;
  readonly context: BuildContext;
  /** Undefined: the plan names no directory of the user's. */
  readonly directories?: DirectoryProvider;
  /** Goes on after a failure with what does not depend on it. Undefined: no. */
  readonly keepGoing?: boolean;
  /** Undefined: the commands of actions are not recorded. */
  readonly record?: RecordOptions;
  /** What may be done for these trees. Undefined: everything. */
  readonly allowed?: Allowed;
  /** Told everything, each failure included: a caller has no need to tell it again. */
  readonly onEvent: (event: BuildEvent) => void;
  /** Ends the build; its reason, where a string, names the signal. */
  readonly signal: AbortSignal;
}

/** An output of an action of the plan. */
export interface WantedTree {
  readonly action: ActionName;
  readonly output: string;
}

/** A tree that is in the store and was read in full. */
export interface MadeTree {
  readonly digest: Digest;
  /** Absolute path of its directory in the store. */
  readonly path: string;
}

/**
 * Builds a plan and gives trees of it by the caller's names for them, each verified. One that turns out damaged is made
 * again, up to a bound. Fails with all failures of the build; never empty.
 */
export async function makeTrees<Name extends string>(
  request: TreesRequest,
  wanted: Readonly<Record<Name, WantedTree>>,
): Promise<Result<Readonly<Record<Name, MadeTree>>, readonly Failure[]>> {
  const { plan, context } = request;
  const { store } = context;
  const named = Object.entries<WantedTree>(wanted);
  // Trees of products are in the store after a build, others need not be.
  const products = named.map(([name, { action, output }]): Product => {
    return { name, ref: { kind: 'output', action, output }, path: '', description: name };
  });
  const complete = { ...plan, products: [...plan.products, ...products] };
  return buildAndRead({ ...request, plan: complete }, async (outcome) => {
    const trees: Record<string, MadeTree> = {};
    for (const [name, tree] of named) {
      const digest = treeOf(outcome, tree);
      const verified = await store.verifyTree(digest);
      if (!verified.ok) return verified;
      trees[name] = { digest, path: store.treePath(digest) };
    }
    return ok(trees as Record<Name, MadeTree>);
  });
}

/**
 * Builds a plan and lets `read` do something with what came of it. Where that finds a tree damaged (`damaged-tree`; the
 * store has dropped it then), the plan is built and read again, up to a bound. Fails with all failures; never empty.
 */
export async function buildAndRead<Value>(
  request: TreesRequest,
  read: (outcome: BuildOutcome) => Promise<Result<Value, Failure>>,
): Promise<Result<Value, readonly Failure[]>> {
  const { plan, context, directories, keepGoing = false, record, allowed, onEvent, signal } = request;
  const parts =
    allowed?.mayFetch === false ? { ...context, sources: knownSources(context.sources) } : context;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await build(plan, {
      ...parts,
      ...(directories === undefined ? {} : { directories }),
      ...(record === undefined ? {} : { record }),
      ...(allowed === undefined ? {} : { mayRun: ({ name }: Action) => allowed.mayRun(name) }),
      keepGoing,
      clock: () => performance.now(),
      onEvent,
      signal,
    });
    if (!outcome.ok) return failed(outcome.failures);
    const value = await catchFailures('', () => read(outcome));
    if (value.ok) return value;
    if (value.failure.reason === 'damaged-tree' && attempt < attempts) continue;
    return tellFailure(request, value.failure);
  }
}

/** Fails for what is found before or after a build, and tells it like what fails in one. */
export function tellFailure(
  { onEvent }: Pick<TreesRequest, 'onEvent'>,
  failure: Failure,
): { readonly ok: false; readonly failure: readonly Failure[] } {
  onEvent({ kind: 'failed', at: performance.now(), failure });
  return failed([failure]);
}

/** Digest of an output that a build which succeeded has made. */
export function treeOf({ results }: BuildOutcome, { action, output }: WantedTree): Digest {
  const tree = results.get(action)?.outputs[output];
  if (tree === undefined) throw new Error(`the plan does not make ${action}:${output}`);
  return tree;
}

/** Sources that are known, and none that would have to be fetched or unpacked. */
function knownSources(sources: SourceProvider): SourceProvider {
  return {
    recall: (source) => sources.recall(source),
    obtain: ({ name }) => Promise.resolve(failed({ reason: 'not-allowed', kind: 'source', name })),
  };
}

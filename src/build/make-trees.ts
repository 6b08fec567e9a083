import { performance } from 'node:perf_hooks';
import type { Digest } from '../core/digest.ts';
import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import { catchFailures } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { build, type BuildOptions, type BuildOutcome, type RecordOptions } from '../engine/build.ts';
import type { Action, Plan, Product } from '../plan/action.ts';
import type { ActionName } from '../plan/names.ts';
import type { DirectoryProvider, SourceProvider } from '../plan/providers.ts';
import type { BuildContext } from './build-context.ts';

/** How often trees are made again if they turn out to be damaged when read. */
const attempts = 2;

/**
 * Limits for a tree that is wanted only if it costs next to nothing; if more is needed, the failure is `not-allowed`.
 */
export interface Allowed {
  /** Whether an action may run; the results of all others must be in the store. */
  readonly mayRun: (action: string) => boolean;
  /** Whether sources may be fetched and unpacked. */
  readonly mayFetch: boolean;
}

/** What to build, with what, and who is notified. */
export interface TreesRequest {
  readonly plan: Plan;
  readonly context: BuildContext;
  /** Undefined: the plan contains no directory of the user. */
  readonly directories?: DirectoryProvider;
  /** Continue with what does not depend on a failed action. Undefined: no. */
  readonly keepGoing?: boolean;
  /** As in `BuildOptions`. */
  readonly keepFailed?: BuildOptions['keepFailed'];
  /** Undefined: the commands of actions are not recorded. */
  readonly record?: RecordOptions;
  /** Limits on what may be done for these trees. Undefined: none. */
  readonly allowed?: Allowed;
  /** Receives all events, including each failure: the caller need not report it again. */
  readonly onEvent: (event: BuildEvent) => void;
  /** Ends the build; its reason, if a string, is the name of the signal. */
  readonly signal: AbortSignal;
}

/** An output of an action of the plan. */
export interface WantedTree {
  readonly action: ActionName;
  readonly output: string;
}

/** A tree in the store that was read in full. */
export interface MadeTree {
  readonly digest: Digest;
  /** Absolute path of its directory in the store. */
  readonly path: string;
}

/**
 * Builds a plan and returns trees of it under the caller's names, each verified. One that turns out to be damaged is
 * made again, a bounded number of times. Fails with all failures of the build; never empty.
 */
export async function makeTrees<Name extends string>(
  request: TreesRequest,
  wanted: Readonly<Record<Name, WantedTree>>,
): Promise<Result<Readonly<Record<Name, MadeTree>>, readonly Failure[]>> {
  const { plan, context } = request;
  const { store } = context;
  const named = Object.entries<WantedTree>(wanted);
  // Trees of products are in the store after a build; others need not be.
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
 * Builds a plan and calls `read` with the outcome. If that finds a damaged tree (`damaged-tree`; the store has
 * discarded it by then), the plan is built and read again, a bounded number of times. Fails with all failures; never
 * empty.
 */
export async function buildAndRead<Value>(
  request: TreesRequest,
  read: (outcome: BuildOutcome) => Promise<Result<Value, Failure>>,
): Promise<Result<Value, readonly Failure[]>> {
  const {
    plan,
    context,
    directories,
    keepGoing = false,
    keepFailed,
    record,
    allowed,
    onEvent,
    signal,
  } = request;
  const parts =
    allowed?.mayFetch === false ? { ...context, sources: knownSources(context.sources) } : context;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await build(plan, {
      ...parts,
      ...(directories === undefined ? {} : { directories }),
      ...(record === undefined ? {} : { record }),
      ...(allowed === undefined ? {} : { mayRun: ({ name }: Action) => allowed.mayRun(name) }),
      ...(keepFailed === undefined ? {} : { keepFailed }),
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

/** Fails for an error found before or after a build, and reports it like a failure in one. */
export function tellFailure(
  { onEvent }: Pick<TreesRequest, 'onEvent'>,
  failure: Failure,
): { readonly ok: false; readonly failure: readonly Failure[] } {
  onEvent({ kind: 'failed', at: performance.now(), failure });
  return failed([failure]);
}

/** Digest of an output that a successful build has made. */
export function treeOf({ results }: BuildOutcome, { action, output }: WantedTree): Digest {
  const tree = results.get(action)?.outputs[output];
  if (tree === undefined) throw new Error(`the plan does not make ${action}:${output}`);
  return tree;
}

/** Provides only sources that are known without fetching or unpacking. */
function knownSources(sources: SourceProvider): SourceProvider {
  return {
    recall: (source) => sources.recall(source),
    obtain: ({ name }) => Promise.resolve(failed({ reason: 'not-allowed', kind: 'source', name })),
  };
}

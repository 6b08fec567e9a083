import type { Digest } from '../core/digest.ts';
import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Executor } from '../executor/executor.ts';
import type { Plan } from '../plan/action.ts';
import type { ActionName, Key, PlanId, RepoPath } from '../plan/names.ts';
import type { Store } from '../store/store.ts';
import { BuildLoop } from './build-loop.ts';
import type { TokenPool } from './jobserver.ts';
import type { DirectoryProvider, MachineProvider, SourceProvider } from '../plan/providers.ts';

export interface BuildOptions {
  readonly store: Store;
  readonly executor: Executor;
  readonly sources: SourceProvider;
  readonly machine: MachineProvider;
  /** Undefined: the plan names no directory of the user's. */
  readonly directories?: DirectoryProvider;
  /** Bytes of a file of this repository. */
  readonly files: (path: RepoPath) => Promise<Uint8Array>;
  /** Tokens of the jobserver: how much runs at once on this machine. At least 1. */
  readonly jobs: number;
  /** What actions may set aside together, in MiB; one that wants more runs alone. */
  readonly memoryMiB: number;
  /** Goes on with what does not depend on a failed action. Undefined: no. */
  readonly keepGoing?: boolean;
  /** Milliseconds, for the times in events. */
  readonly clock: () => number;
  readonly onEvent: (event: BuildEvent) => void;
  /** Undefined: the commands of actions are not recorded. */
  readonly record?: RecordOptions;
  /** Ends the build; its reason, where a string, names the signal. */
  readonly signal?: AbortSignal;
  /** Instead of a jobserver on a pipe in the store. Opened when the first action starts. */
  readonly openTokens?: () => Promise<Result<TokenPool, Failure>>;
}

export interface RecordOptions {
  /** Tree with the recorder; it is in the store. */
  readonly recorder: Digest;
  /** Actions that run although their result is known, where there is no record of them. */
  readonly again: ReadonlySet<ActionName>;
}

/** What is known of one action at the end. */
export interface FinishedAction {
  readonly planId: PlanId;
  readonly key: Key;
  readonly outputs: Readonly<Record<string, Digest>>;
  /** Of the run that made the result, which may have been an earlier one. */
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

export interface BuildOutcome {
  /** All goals are built, and the trees of all products are in the store. */
  readonly ok: boolean;
  /** Actions that ran to their end, in that order, and those whose result was in the store, in order of the plan. */
  readonly ran: readonly ActionName[];
  readonly cached: readonly ActionName[];
  /** Why not all is done; empty when `ok`. */
  readonly failures: readonly Failure[];
  /** Of all actions whose result is known, in order of the plan. */
  readonly results: ReadonlyMap<ActionName, FinishedAction>;
  /** Patched trees by `sourceId`, as far as they are known. */
  readonly sources: ReadonlyMap<string, Digest>;
}

/**
 * Builds a plan: computes keys from the bottom up, takes from the store what is there, and runs the rest. The trees of
 * the products are in the store afterwards, but not read again: who copies one out verifies it first, and builds
 * again when it is damaged.
 */
export function build(plan: Plan, options: BuildOptions): Promise<BuildOutcome> {
  return new BuildLoop(plan, options).run();
}

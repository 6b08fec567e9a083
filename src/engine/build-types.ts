import type { Digest } from '../core/digest.ts';
import type { BuildEvent } from '../core/event.ts';
import type { Failure } from '../core/failure.ts';
import type { Executor } from '../executor/executor.ts';
import type { Action } from '../plan/action.ts';
import type { ResultCache } from './result-cache.ts';
import type { ActionName, Key, PlanId, RepoPath } from '../plan/names.ts';
import type { DirectoryProvider, MachineProvider, SourceProvider } from '../plan/providers.ts';
import type { Store } from '../store/store.ts';

export interface BuildOptions {
  readonly store: Store;
  /** In order of preference. The engine does not close them: the caller may build with them again. */
  readonly executors: readonly Executor[];
  readonly sources: SourceProvider;
  readonly machine: MachineProvider;
  /** Undefined: the plan contains no directory of the user. */
  readonly directories?: DirectoryProvider;
  /** Results that others have made. Undefined: everything is made here. */
  readonly cache?: ResultCache;
  /** Bytes of a file of this repository. */
  readonly files: (path: RepoPath) => Promise<Uint8Array>;
  /**
   * Actions that may run. One that would have to run and may not fails with `not-allowed`, before anything is done for
   * it. Undefined: every action may run.
   */
  readonly mayRun?: (action: Action) => boolean;
  /** Continue with what does not depend on a failed action. Undefined: no. */
  readonly keepGoing?: boolean;
  /**
   * Actions of which what they have written is kept if they fail, until the next build with this option, for a shell in it. Undefined:
   * none.
   */
  readonly keepFailed?: (action: Action) => boolean;
  /** Milliseconds, for the times in events. */
  readonly clock: () => number;
  readonly onEvent: (event: BuildEvent) => void;
  /** Undefined: the commands of actions are not recorded. */
  readonly record?: RecordOptions;
  /** Ends the build; its reason, if a string, is the name of the signal. */
  readonly signal?: AbortSignal;
}

export interface RecordOptions {
  /** Tree of the recorder; must be in the store. */
  readonly recorder: Digest;
  /** Actions that run even though their result is known, if there is no record of them. */
  readonly again: ReadonlySet<ActionName>;
}

/** What is known of an action at the end. */
export interface FinishedAction {
  readonly planId: PlanId;
  readonly key: Key;
  readonly outputs: Readonly<Record<string, Digest>>;
  /** Time of the run that made the result, which may have been an earlier one. */
  readonly wallSeconds: number;
  /** Undefined: not known to the executor. */
  readonly cpuSeconds?: number;
}

/** An action that did not run because others failed. */
export interface SkippedAction {
  readonly action: ActionName;
  /** Failed actions and external inputs that it depends on, directly or indirectly; never empty. */
  readonly because: readonly string[];
}

export interface BuildOutcome {
  /** All goals are built, and the trees of all products are in the store. */
  readonly ok: boolean;
  /**
   * Actions that finished in this run, in order of completion, and those whose result was in the store, in order of the
   * plan.
   */
  readonly ran: readonly ActionName[];
  readonly cached: readonly ActionName[];
  /** Actions that failed, and those that could not run because of them, both in order of the plan. */
  readonly failed: readonly ActionName[];
  readonly skipped: readonly SkippedAction[];
  /** Why not everything was built; empty if `ok`. */
  readonly failures: readonly Failure[];
  /** All actions whose result is known, in order of the plan. */
  readonly results: ReadonlyMap<ActionName, FinishedAction>;
  /** Patched trees by `sourceId`, as far as they are known. */
  readonly sources: ReadonlyMap<string, Digest>;
}

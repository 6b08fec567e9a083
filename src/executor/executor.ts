import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { Platform } from '../plan/action.ts';

/** The jobserver as an action's makes see it: an open descriptor of the named pipe. */
export interface JobserverHandle {
  /** Descriptor in this process, opened read-write; handed down to the action. */
  readonly descriptor: number;
  /** Tokens in all, for `-j`. */
  readonly tokens: number;
}

/** File beside a log that names every command that the action ran, as lines of JSON; `recorder.c` tells the form. */
export const recordName = 'commands.jsonl';

export interface ExecuteRequest {
  /** For messages and scratch names only; not a part of what is done. */
  readonly name: string;
  readonly recipe: BoundRecipe;
  /** Existing directory that receives `script`, `environment` and `log`. */
  readonly logDirectory: string;
  /**
   * Tree with the recorder: every command that the action runs is written into `recordName` beside the log. Undefined:
   * nothing is recorded. What the action produces does not depend on it.
   */
  readonly recorder?: Digest;
  readonly jobserver?: JobserverHandle;
  /** Called with each complete line of output. */
  readonly onLine?: (line: string) => void;
  /** Ends the action and everything it started. */
  readonly signal?: AbortSignal;
}

export interface Execution {
  /** Exit code of the script; 128+N when signal N ended it. A non-zero code is a result, not a failure. */
  readonly exitCode: number;
  /** Trees by output name, all in the store; empty unless the exit code is 0. */
  readonly outputs: Readonly<Record<string, Digest>>;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

/** What runs an action. It sees a recipe and a store, and nothing else. */
export interface Executor {
  readonly name: string;
  readonly platform: Platform;
  /** Whether this executor can work here, with the reason and remedy if not. Called once before the first action. */
  check(): Promise<Result<void, Failure>>;
  /** Inputs are in the store and verified. A failure means a broken backend, a missing output or clashing inputs. */
  execute(request: ExecuteRequest): Promise<Result<Execution, Failure>>;
}

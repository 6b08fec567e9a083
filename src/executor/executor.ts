import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Platform } from '../plan/action.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { LogSink } from './log-sink.ts';

/**
 * File beside a log that lists every command that the action ran, as lines of JSON; `recorder.c` describes the format.
 */
export const recordName = 'commands.jsonl';

/** What a reservation is for. */
export interface RoomRequest {
  /** Name of the action, for messages. */
  readonly name: string;
  readonly platform: Platform;
  /** Peak memory in MiB. */
  readonly memory: number;
  /** Processors that it has a use for; it has to run with fewer too. Undefined: one. */
  readonly processors?: number;
}

/** Room for one action, held until it is released. What kind of room is up to the executor. */
export interface Reservation {
  /** Releases the room; a second call does nothing. */
  release(): void;
}

export interface ExecuteRequest {
  /** For messages and scratch names only; it does not affect what is done. */
  readonly name: string;
  readonly recipe: BoundRecipe;
  /** Returned by this executor's `tryReserve` for the action. The caller releases it. */
  readonly reservation: Reservation;
  /** Receives `script`, `environment` and the output; closed by the executor when the action has ended. */
  readonly log: LogSink;
  /**
   * Tree of the recorder: every command that the action runs is written to `recordName` beside the log. Undefined:
   * nothing is recorded. It does not affect the action's outputs. An executor that cannot record leaves no record.
   */
  readonly recorder?: Digest;
  /**
   * Path, on the store's file system, to which what the action wrote is moved if its script fails, for `enter`. Undefined: it is
   * removed. An executor that cannot keep it, for example because something is there already, removes it too.
   */
  readonly keep?: string;
  /** Called and awaited once the inputs are present, before anything runs. */
  readonly onStart?: () => Promise<void>;
  /** Kills the action and everything it started. */
  readonly signal?: AbortSignal;
}

export interface Execution {
  /** Exit code of the script; 128+N if it was killed by signal N. A non-zero code is a result, not a failure. */
  readonly exitCode: number;
  /** Trees by output name, all in the store; empty unless the exit code is 0. */
  readonly outputs: Readonly<Record<string, Digest>>;
  readonly wallSeconds: number;
  /** Undefined: not known to the executor. */
  readonly cpuSeconds?: number;
}

/** A terminal that a shell has, or whatever else this process was given in its place. */
export interface Terminal {
  /** Its type, as TERM has it. */
  readonly type: string;
  /** Descriptors of this process that are its input, its output and its error output. */
  readonly descriptors: readonly [number, number, number];
}

/** What `enter` is asked for. */
export interface EnterRequest extends Pick<ExecuteRequest, 'name' | 'recipe' | 'reservation' | 'signal'> {
  /**
   * What `keep` was given when the action failed, which nobody else uses or removes meanwhile. Undefined: the action's root as it was
   * before its script began.
   */
  readonly left?: string;
  readonly terminal: Terminal;
}

/**
 * Runs actions. It sees a recipe and a store, and nothing else. It manages job slots, memory and the like itself, and
 * it must make sure that all inputs are present where the action runs.
 */
export interface Executor {
  /** For messages. */
  readonly name: string;
  /** Whether it runs programs of this platform. The answer never changes. */
  supports(platform: Platform): boolean;
  /**
   * Checks that it works; the failure gives reason and remedy. Called before anything is reserved, and again after it
   * broke.
   */
  check(): Promise<Result<void, Failure>>;
  /** Room for an action; undefined: none now. Only after a successful `check`. */
  tryReserve(request: RoomRequest): Reservation | undefined;
  /**
   * Calls `listener` whenever there may be room after `tryReserve` found none; spurious calls are allowed, missed ones
   * are not.
   *
   * @returns a function that ends the calls
   */
  onRoom(listener: () => void): () => void;
  /**
   * Runs an action. Fails with `inputs-gone` if trees that it reads are missing or damaged, with `backend-unreachable`
   * if the executor broke and another may work, with `clashing-inputs` or `plan-fault` for a recipe that contradicts
   * itself, with `missing-output`, and with `interrupted`.
   */
  execute(request: ExecuteRequest): Promise<Result<Execution, Failure>>;
  /**
   * Runs a shell in an action's root, with its environment, on a terminal, and returns its exit code. What it writes stays in `left`,
   * if that is given, and is nobody's output. Fails as `execute` does. Undefined: the executor's machine has no way to a terminal.
   */
  enter?(request: EnterRequest): Promise<Result<number, Failure>>;
  /** Releases what it holds (pipes, connections, machines) while nothing runs. `check` acquires it again. */
  close(): Promise<void>;
}

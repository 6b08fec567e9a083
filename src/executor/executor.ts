import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import type { Result } from '../core/result.ts';
import type { Platform } from '../plan/action.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import type { LogSink } from './log-sink.ts';

/** File beside a log that names every command that the action ran, as lines of JSON; `recorder.c` tells the form. */
export const recordName = 'commands.jsonl';

/** What room is wanted for. */
export interface RoomRequest {
  /** Name of the action, for messages. */
  readonly name: string;
  readonly platform: Platform;
  /** Peak memory in MiB. */
  readonly memory: number;
}

/** Room for one action, held until it is released. Which kind of room is the executor's own business. */
export interface Reservation {
  /** Gives the room back; a second time does nothing. */
  release(): void;
}

export interface ExecuteRequest {
  /** For messages and scratch names only; not a part of what is done. */
  readonly name: string;
  readonly recipe: BoundRecipe;
  /** What this executor's `tryReserve` gave for the action. Released by whoever reserved it. */
  readonly reservation: Reservation;
  /** Receives `script`, `environment` and the output; closed by the executor when the action has ended. */
  readonly log: LogSink;
  /**
   * Tree with the recorder: every command that the action runs is written into `recordName` beside the log. Undefined:
   * nothing is recorded. What the action produces does not depend on it. An executor that cannot record leaves no record.
   */
  readonly recorder?: Digest;
  /** Called and waited for once the inputs are there, before anything runs. */
  readonly onStart?: () => Promise<void>;
  /** Ends the action and everything it started. */
  readonly signal?: AbortSignal;
}

export interface Execution {
  /** Exit code of the script; 128+N when signal N ended it. A non-zero code is a result, not a failure. */
  readonly exitCode: number;
  /** Trees by output name, all in the store; empty unless the exit code is 0. */
  readonly outputs: Readonly<Record<string, Digest>>;
  readonly wallSeconds: number;
  /** Undefined: the executor does not know. */
  readonly cpuSeconds?: number;
}

/**
 * What runs actions. It sees a recipe and a store, and nothing else. Job slots, memory and the like are its own business, and
 * so is that the inputs are where the action runs, whole.
 */
export interface Executor {
  /** For messages. */
  readonly name: string;
  /** Whether it runs programs of this machine. The answer never changes. */
  supports(platform: Platform): boolean;
  /** Whether it can work, with the reason and remedy if not. Called before anything is reserved, and again after it broke. */
  check(): Promise<Result<void, Failure>>;
  /** Room for an action; undefined: none now. Only after a `check` that succeeded. */
  tryReserve(request: RoomRequest): Reservation | undefined;
  /**
   * Calls `listener` whenever there may be room after `tryReserve` had none: once too often rather than not at all.
   *
   * @returns what ends the calls
   */
  onRoom(listener: () => void): () => void;
  /**
   * Runs an action. Fails with `inputs-gone` where trees that it reads are missing or damaged, with
   * `backend-unreachable` where the executor broke and another may serve, with `clashing-inputs` or `plan-fault` for a
   * recipe that contradicts itself, with `missing-output`, and with `interrupted`.
   */
  execute(request: ExecuteRequest): Promise<Result<Execution, Failure>>;
  /** Gives up what it holds (pipes, connections, machines) when nothing runs. `check` takes it again. */
  close(): Promise<void>;
}

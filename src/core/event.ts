import type { Failure } from './failure.ts';

/** Why an action has to run, recorded where that is decided. */
export type Why =
  | { readonly kind: 'never-built' }
  /** Built before, but its recipe has changed. */
  | { readonly kind: 'recipe-changed' }
  /** Built before with the same recipe; the content of these refs has changed. */
  | { readonly kind: 'inputs-changed'; readonly refs: readonly string[] }
  /** The result is known, but a tree of it was collected or damaged and something needs it. */
  | { readonly kind: 'tree-gone'; readonly outputs: readonly string[] }
  /** The result is known, but there is no record of the commands that made it, and one is wanted. */
  | { readonly kind: 'no-record' };

/** What the engine reports while it works; reporters turn it into text. Times are milliseconds of the engine's clock. */
export type BuildEvent =
  | {
      readonly kind: 'build-started';
      readonly at: number;
      readonly actions: number;
      readonly sources: number;
    }
  | {
      readonly kind: 'source-started';
      readonly at: number;
      readonly source: string;
    }
  | {
      readonly kind: 'source-progress';
      readonly at: number;
      readonly source: string;
      readonly line: string;
    }
  | {
      readonly kind: 'source-finished';
      readonly at: number;
      readonly source: string;
      readonly digest: string;
    }
  /** A tree of a known result is being brought from a cache. */
  | {
      readonly kind: 'action-fetched';
      readonly at: number;
      readonly action: string;
    }
  | {
      readonly kind: 'action-started';
      readonly at: number;
      readonly action: string;
      readonly why: Why;
      readonly log: string;
    }
  | {
      readonly kind: 'action-output';
      readonly at: number;
      readonly action: string;
      readonly line: string;
    }
  | {
      readonly kind: 'action-finished';
      readonly at: number;
      readonly action: string;
      readonly wallSeconds: number;
      /** Undefined: the executor does not know. */
      readonly cpuSeconds?: number;
      /** Whether all outputs are the same as before, so that what depends on them need not run. */
      readonly unchanged: boolean;
    }
  /** The result was in the store. */
  | {
      readonly kind: 'action-cached';
      readonly at: number;
      readonly action: string;
    }
  /** Another run on this store is making the result; this one waits for it. */
  | {
      readonly kind: 'action-awaited';
      readonly at: number;
      readonly action: string;
    }
  /** Something that an action depends on failed, so it could not run. Reported at the end, if the rest continued. */
  | {
      readonly kind: 'action-skipped';
      readonly at: number;
      readonly action: string;
      /** Failed actions and sources that it depends on, over any number of steps. */
      readonly because: readonly string[];
    }
  /** An executor broke while it ran an action, which another executor will run. */
  | {
      readonly kind: 'executor-broke';
      readonly at: number;
      readonly executor: string;
      readonly action: string;
      readonly failure: Failure;
    }
  | { readonly kind: 'failed'; readonly at: number; readonly failure: Failure }
  /** Something failed, so nothing more starts; these are still running, and the build ends when they have ended. Reported once. */
  | {
      readonly kind: 'waiting';
      readonly at: number;
      readonly actions: readonly string[];
      readonly sources: readonly string[];
    }
  | { readonly kind: 'note'; readonly at: number; readonly text: string }
  | {
      readonly kind: 'build-finished';
      readonly at: number;
      readonly ran: number;
      readonly cached: number;
      /** Failures of every kind except interruptions. */
      readonly failed: number;
      /** Actions that could not run because of what failed. */
      readonly skipped: number;
      readonly wallSeconds: number;
      /** Of all executors that know it; undefined if none does. */
      readonly cpuSeconds?: number;
    };

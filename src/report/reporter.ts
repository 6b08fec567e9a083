import type { BuildEvent } from '../core/event.ts';

/** What becomes of a build's events. One for each form of output. */
export interface Reporter {
  report(event: BuildEvent): void;
  /** Leaves the terminal as it was found. May be called more than once, also in the middle of a build. */
  close(): void;
}

/** Where a reporter writes; `process.stderr`, or a list in tests. */
export interface Sink {
  write(text: string): void;
}

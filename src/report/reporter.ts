import type { BuildEvent } from '../core/event.ts';

/** Presents a build's events. There is one for each form of output. */
export interface Reporter {
  report(event: BuildEvent): void;
  /** Restores the terminal. May be called more than once, and in the middle of a build. */
  close(): void;
}

/** Where a reporter writes; `process.stderr`, or a list in tests. */
export interface Sink {
  write(text: string): void;
}

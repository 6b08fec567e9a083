import type { BuildEvent } from '../core/event.ts';
import type { Reporter, Sink } from './reporter.ts';

/** For programs: each event as one line of JSON, unchanged. */
export function createJsonReporter(sink: Sink): Reporter {
  return {
    report: (event: BuildEvent) => {
      sink.write(`${JSON.stringify(event)}\n`);
    },
    close: () => undefined,
  };
}

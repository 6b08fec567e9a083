import type { BuildEvent } from '../core/event.ts';
import { eventLine } from './event-text.ts';
import type { Reporter, Sink } from './reporter.ts';

/** For pipes, files and CI: a line for each start and each end, with the build's progress. Nothing is ever rewritten. */
export function createLineReporter(sink: Sink): Reporter {
  let total = 0;
  /** By name, because what turns out to be damaged is built twice. */
  const done = new Set<string>();
  const write = (line: string): void => {
    sink.write(`${line}\n`);
  };
  const report = (event: BuildEvent): void => {
    if (event.kind === 'action-finished' || event.kind === 'action-cached') done.add(event.action);
    if (event.kind === 'build-started') {
      total = event.actions;
      done.clear();
      return;
    }
    if (event.kind === 'source-started') {
      write(`fetch   ${event.source}`);
      return;
    }
    const line = eventLine(event);
    if (line === undefined) return;
    write(event.kind === 'action-finished' ? `${line} [${done.size}/${total}]` : line);
  };
  return { report, close: () => undefined };
}

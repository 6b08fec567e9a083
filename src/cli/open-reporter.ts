import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { Failure } from '../core/failure.ts';
import { errorCode } from '../core/fault.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { createJsonReporter } from '../report/json-lines.ts';
import { createLineReporter } from '../report/lines.ts';
import type { Reporter } from '../report/reporter.ts';
import { createTerminalReporter } from '../report/terminal.ts';
import type { Session } from './session.ts';

/**
 * The reporter that suits what stderr is connected to, and one more for `--events FILE`. Fails with `bad-option` if that
 * file cannot be opened.
 */
export function openReporter(session: Session, eventsFile: string | undefined): Result<Reporter, Failure> {
  const main = openMain(session);
  if (eventsFile === undefined) return ok(main);
  const file = path.resolve(session.cwd, eventsFile);
  let descriptor: number;
  try {
    descriptor = openSync(file, 'w');
  } catch (error) {
    const why = `cannot be opened for writing (${errorCode(error) ?? (error as Error).message})`;
    const hint = 'Name a file that you can write to, in a directory that exists, or omit --events.';
    return failed({ reason: 'bad-option', option: '--events', value: eventsFile, why, hint });
  }
  let open = true;
  const events = createJsonReporter({
    write: (text) => {
      try {
        writeSync(descriptor, text);
      } catch (error) {
        // A full disk or a vanished reader is no reason to end a build that is otherwise fine.
        open = false;
        closeSync(descriptor);
        session.err(`bootstrap: no more events will be written to ${file}: ${(error as Error).message}\n`);
      }
    },
  });
  return ok({
    report: (event) => {
      main.report(event);
      if (open) events.report(event);
    },
    close: () => {
      main.close();
      if (open) closeSync(descriptor);
      open = false;
    },
  });
}

function openMain(session: Session): Reporter {
  const sink = { write: session.err };
  if (!session.errIsTerminal || session.env['TERM'] === 'dumb') return createLineReporter(sink);
  const reporter = createTerminalReporter({
    sink,
    size: () => ({ columns: process.stderr.columns, rows: process.stderr.rows }),
    colour: session.env['NO_COLOR'] === undefined || session.env['NO_COLOR'] === '',
    clock: () => performance.now(),
    schedule: (redraw, milliseconds) => {
      const timer = setInterval(redraw, milliseconds);
      timer.unref();
      return () => clearInterval(timer);
    },
  });
  // However this process exits, even because of a bug, the cursor is restored.
  process.once('exit', () => reporter.close());
  return reporter;
}

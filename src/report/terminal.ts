import picocolors from 'picocolors';
import type { BuildEvent } from '../core/event.ts';
import { duration } from './duration.ts';
import { eventLine } from './event-text.ts';
import { fit, plainText } from './fit.ts';
import type { Reporter, Sink } from './reporter.ts';

export interface TerminalOptions {
  readonly sink: Sink;
  /** Called before each redraw, so that a resized window is noticed. */
  readonly size: () => { readonly columns: number | undefined; readonly rows: number | undefined };
  readonly colour: boolean;
  /** Milliseconds; the clock of the events. */
  readonly clock: () => number;
  /** Calls back at an interval, until the function that it returns is called. */
  readonly schedule: (callback: () => void, milliseconds: number) => () => void;
}

/** The minimum interval between redraws of the live region, in milliseconds. */
const drawInterval = 100;

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
/** While wrapping is off, a wrong guess at a character's width cannot displace the region. */
const wrapOff = '\u001b[?7l';
const wrapOn = '\u001b[?7h';
const clearBelow = '\u001b[J';

interface Row {
  readonly label: string;
  readonly since: number;
  /** Last line of output. */
  last: string;
}

/**
 * For terminals: finished work scrolls by as lines; below them is a region with what is running, redrawn in place.
 * Hides the cursor while a build runs, and shows it again on `build-finished` and on `close`.
 */
export function createTerminalReporter(options: TerminalOptions): Reporter {
  return new TerminalReporter(options);
}

class TerminalReporter implements Reporter {
  readonly #options: TerminalOptions;
  readonly #colours: ReturnType<typeof picocolors.createColors>;
  readonly #rows = new Map<string, Row>();
  readonly #done = new Set<string>();
  #total = 0;
  #startedAt = 0;
  #drawnLines = 0;
  #stop: (() => void) | undefined;

  constructor(options: TerminalOptions) {
    this.#options = options;
    this.#colours = picocolors.createColors(options.colour);
  }

  report(event: BuildEvent): void {
    this.#take(event);
    const line = eventLine(event);
    if (event.kind === 'build-started') this.#begin(event);
    if (event.kind === 'build-finished') this.close();
    // Starts are shown in the region; only ends leave a line.
    if (line === undefined || event.kind === 'action-started') return;
    if (this.#stop === undefined) this.#options.sink.write(`${this.#paint(event, line)}\n`);
    else this.#draw(`${this.#paint(event, line)}\n`);
  }

  close(): void {
    if (this.#stop === undefined) return;
    this.#stop();
    this.#stop = undefined;
    this.#options.sink.write(`${this.#upToRegion()}${wrapOn}${showCursor}`);
    this.#drawnLines = 0;
    this.#rows.clear();
  }

  #begin(event: Extract<BuildEvent, { kind: 'build-started' }>): void {
    this.#total = event.actions;
    this.#startedAt = event.at;
    this.#done.clear();
    this.#options.sink.write(hideCursor);
    this.#stop ??= this.#options.schedule(() => {
      this.#draw('');
    }, drawInterval);
  }

  #take(event: BuildEvent): void {
    switch (event.kind) {
      case 'action-started':
        this.#rows.set(event.action, { label: event.action, since: event.at, last: '' });
        break;
      case 'source-started':
        this.#rows.set(rowOfSource(event.source), {
          label: `source ${event.source}`,
          since: event.at,
          last: '',
        });
        break;
      case 'action-output':
        this.#keepLast(event.action, event.line);
        break;
      case 'source-progress':
        this.#keepLast(rowOfSource(event.source), event.line);
        break;
      case 'action-finished':
        this.#rows.delete(event.action);
        this.#done.add(event.action);
        break;
      case 'source-finished':
        this.#rows.delete(rowOfSource(event.source));
        break;
      case 'action-cached':
        this.#done.add(event.action);
        break;
      case 'failed':
        if ('action' in event.failure) this.#rows.delete(event.failure.action);
        if ('source' in event.failure) this.#forgetSource(event.failure.source);
        break;
      default:
    }
  }

  /** A failure may name a source without its version. */
  #forgetSource(source: string): void {
    for (const name of this.#rows.keys()) {
      if (name === rowOfSource(source) || name.startsWith(`${rowOfSource(source)} `)) this.#rows.delete(name);
    }
  }

  #keepLast(name: string, line: string): void {
    const row = this.#rows.get(name);
    if (row !== undefined && line.trim() !== '') row.last = line;
  }

  /** A single write, so that no half-drawn region is ever visible. Lines above it may be of any length. */
  #draw(above: string): void {
    const region = this.#region();
    const text = region.map((line) => `${line}\n`).join('');
    this.#options.sink.write(`${this.#upToRegion()}${wrapOn}${above}${wrapOff}${text}`);
    this.#drawnLines = region.length;
  }

  #upToRegion(): string {
    return this.#drawnLines === 0 ? clearBelow : `\u001b[${this.#drawnLines}A\r${clearBelow}`;
  }

  #region(): readonly string[] {
    const size = this.#options.size();
    // A terminal that does not know its size says 0.
    const columns = Math.max(20, size.columns || 80);
    // One line is for the counts, and one stays free for the cursor.
    const room = Math.max(1, (size.rows || 24) - 2);
    const rows = [...this.#rows.values()];
    const shown = rows.length > room ? rows.slice(0, room - 1) : rows;
    const lines = shown.map((row) => this.#rowText(row, columns));
    if (shown.length < rows.length) lines.push(`  … and ${rows.length - shown.length} more`);
    return [...lines, this.#countText(columns)];
  }

  #rowText(row: Row, columns: number): string {
    const head = fit(`  ${row.label} ${duration((this.#options.clock() - row.since) / 1000)}`, columns);
    const rest = fit(plainText(row.last).trim(), columns - head.length - 2);
    return rest === '' ? head : `${head}  ${this.#colours.dim(rest)}`;
  }

  #countText(columns: number): string {
    const elapsed = duration((this.#options.clock() - this.#startedAt) / 1000);
    const text = `[${this.#done.size}/${this.#total}] ${this.#rows.size} running, ${elapsed}`;
    return this.#colours.bold(fit(text, columns));
  }

  #paint(event: BuildEvent, line: string): string {
    if (event.kind === 'failed') return this.#colours.red(line);
    if (event.kind === 'action-finished') return this.#colours.green(line);
    return line;
  }
}

/** An action's name contains no space, so a source cannot be mistaken for an action. */
function rowOfSource(source: string): string {
  return `source ${source}`;
}

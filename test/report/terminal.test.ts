import { describe, expect, test } from 'vitest';
import { createTerminalReporter } from '../../src/report/terminal.ts';
import type { Reporter } from '../../src/report/reporter.ts';
import { Screen } from './screen.ts';
import { story } from './story.ts';

interface Rig {
  readonly screen: Screen;
  readonly reporter: Reporter;
  /** Sets the clock and lets the interval pass. */
  tick(at: number): void;
  readonly scheduled: () => boolean;
}

function rig(columns = 60, rows = 10, colour = false): Rig {
  const screen = new Screen();
  let now = 0;
  let redraw: (() => void) | undefined;
  const reporter = createTerminalReporter({
    sink: screen,
    size: () => ({ columns, rows }),
    colour,
    clock: () => now,
    schedule: (callback) => {
      redraw = callback;
      return () => {
        redraw = undefined;
      };
    },
  });
  return {
    screen,
    reporter,
    tick: (at) => {
      now = at;
      redraw?.();
    },
    scheduled: () => redraw !== undefined,
  };
}

const started = (action: string, at: number) =>
  ({ kind: 'action-started', at, action, why: { kind: 'never-built' }, log: '/log' }) as const;

describe('terminal reporter', () => {
  test('shows what runs, for how long, its last line, and the counts', () => {
    const { screen, reporter, tick } = rig();
    for (const event of story.slice(0, 7)) reporter.report(event);
    tick(5000);
    expect(screen.text).toBe(
      'fetched make 4.4.1\n  host-tools/make 4.0 s  checking for gcc\n[1/3] 1 running, 5.0 s',
    );
    expect(screen.cursorShown).toBe(false);
  });

  test('leaves lines of what is over, and the screen as it was', () => {
    const { screen, reporter, tick, scheduled } = rig();
    for (const event of story) {
      reporter.report(event);
      tick(event.at);
    }
    expect(screen.text).toBe(
      [
        'fetched make 4.4.1',
        'done    host-tools/make in 12 s, CPU 8.0 s',
        'bootstrap: action host-tools/m4 failed with exit code 2',
        '  last lines of its output:',
        '  | m4.c: error',
        '  log       /store/logs/2/log',
        '  To see its script and the whole log: bootstrap log host-tools/m4',
        '1 failed, 1 action run, 1 cached in 14 s, CPU 8.0 s',
      ].join('\n'),
    );
    expect(screen.cursorShown).toBe(true);
    expect(screen.wraps).toBe(true);
    expect(scheduled()).toBe(false);
  });

  test('gives the cursor back when it is closed in the middle, and only once', () => {
    const { screen, reporter, tick } = rig();
    for (const event of story.slice(0, 7)) reporter.report(event);
    tick(2000);
    reporter.close();
    const closed = screen.text;
    reporter.close();
    tick(3000);
    expect(screen.text).toBe(closed);
    expect(closed).toBe('fetched make 4.4.1');
    expect(screen.cursorShown).toBe(true);
  });

  test('draws at the interval, not at each line of output', () => {
    const { screen, reporter, tick } = rig();
    reporter.report({ kind: 'build-started', at: 0, actions: 1, sources: 0 });
    reporter.report(started('a/b', 0));
    tick(100);
    const drawn = screen.text;
    for (let line = 0; line < 1000; line += 1) {
      reporter.report({ kind: 'action-output', at: 101, action: 'a/b', line: `line ${line}` });
    }
    expect(screen.text).toBe(drawn);
    tick(200);
    expect(screen.text).toContain('line 999');
  });

  test('cuts lines to the width', () => {
    const { screen, reporter, tick } = rig(30);
    reporter.report({ kind: 'build-started', at: 0, actions: 1, sources: 0 });
    reporter.report(started('a/b', 0));
    reporter.report({ kind: 'action-output', at: 1, action: 'a/b', line: 'x'.repeat(500) });
    tick(1000);
    const widths = screen.rows.map((row) => row.length);
    expect(Math.max(...widths)).toBe(30);
    expect(screen.text).toContain('xxx…');
  });

  test('never takes more rows than there are', () => {
    const { screen, reporter, tick } = rig(60, 6);
    reporter.report({ kind: 'build-started', at: 0, actions: 20, sources: 0 });
    for (let action = 0; action < 20; action += 1) reporter.report(started(`a/${action}`, 0));
    tick(1000);
    expect(screen.text.split('\n')).toEqual([
      '  a/0 1.0 s',
      '  a/1 1.0 s',
      '  a/2 1.0 s',
      '  … and 17 more',
      '[0/20] 20 running, 1.0 s',
    ]);
  });

  test('shows sources as they come in', () => {
    const { screen, reporter, tick } = rig();
    for (const event of story.slice(0, 4)) reporter.report(event);
    tick(500);
    expect(screen.text).toBe('  source make 4.4.1 0.5 s  1.0 of 2.3 MB\n[1/3] 1 running, 0.5 s');
  });

  test('forgets a source that failed', () => {
    const { screen, reporter, tick } = rig();
    for (const event of story.slice(0, 4)) reporter.report(event);
    reporter.report({
      kind: 'failed',
      at: 500,
      failure: { reason: 'source-unavailable', source: 'make', attempts: [], offline: true },
    });
    tick(500);
    expect(screen.text).toContain('[1/3] 0 running, 0.5 s');
  });

  test('writes notes above the region', () => {
    const { screen, reporter, tick } = rig();
    reporter.report({ kind: 'build-started', at: 0, actions: 1, sources: 0 });
    tick(100);
    reporter.report({ kind: 'note', at: 200, text: 'ending what runs' });
    expect(screen.text).toBe('ending what runs\n[0/1] 0 running, 0.1 s');
  });
});

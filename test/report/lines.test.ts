import { expect, test } from 'vitest';
import { createJsonReporter } from '../../src/report/json-lines.ts';
import { createLineReporter } from '../../src/report/lines.ts';
import { story } from './story.ts';

test('a line for each start and each end', () => {
  let text = '';
  const reporter = createLineReporter({ write: (piece) => (text += piece) });
  for (const event of story) reporter.report(event);
  reporter.close();
  expect(text).toBe(
    `fetch   make 4.4.1
fetched make 4.4.1
start   host-tools/make (never built)
done    host-tools/make in 12 s, CPU 8.0 s [2/3]
start   host-tools/m4 (changed: source m4, host-tools/make:out)
bootstrap: action host-tools/m4 failed with exit code 2
  last lines of its output:
  | m4.c: error
  log       /store/logs/2/log
  To see its script and the whole log: bootstrap log host-tools/m4
1 failed, 1 action run, 1 cached in 14 s, CPU 8.0 s
`,
  );
});

test.each([
  [['a/b'], [], '1 running action to end (a/b); Ctrl-C ends it at once'],
  [['a/b', 'c/d'], [], '2 running actions to end (a/b, c/d); Ctrl-C ends them at once'],
  [['a/b'], ['m4 1.4'], '1 running action and 1 source to end (a/b, m4 1.4); Ctrl-C ends them at once'],
  [[], ['m4 1.4'], '1 source to end (m4 1.4); Ctrl-C ends it at once'],
])('what a failed build waits for: %j and %j', (actions, sources, waited) => {
  let text = '';
  const reporter = createLineReporter({ write: (piece) => (text += piece) });
  reporter.report({ kind: 'waiting', at: 1, actions, sources });
  expect(text).toBe(`waiting for ${waited}\n`);
});

test('a second build counts anew', () => {
  let text = '';
  const reporter = createLineReporter({ write: (piece) => (text += piece) });
  const finished = {
    kind: 'action-finished',
    at: 1,
    wallSeconds: 1,
    cpuSeconds: 1,
    unchanged: true,
  } as const;
  for (const [actions, action] of [
    [2, 'a/b'],
    [1, 'c/d'],
  ] as const) {
    reporter.report({ kind: 'build-started', at: 0, actions, sources: 0 });
    reporter.report({ ...finished, action });
  }
  expect(text.match(/\[.*\]/g)).toEqual(['[1/2]', '[1/1]']);
});

test('an action that is made twice counts once', () => {
  let text = '';
  const reporter = createLineReporter({ write: (piece) => (text += piece) });
  const finished = {
    kind: 'action-finished',
    at: 1,
    action: 'a/b',
    wallSeconds: 1,
    cpuSeconds: 1,
    unchanged: true,
  } as const;
  reporter.report({ kind: 'build-started', at: 0, actions: 1, sources: 0 });
  reporter.report(finished);
  reporter.report(finished);
  expect(text).toBe('done    a/b in 1.0 s, CPU 1.0 s, outputs unchanged [1/1]\n'.repeat(2));
});

test('a build with nothing to do writes no line', () => {
  let text = '';
  const reporter = createLineReporter({ write: (piece) => (text += piece) });
  reporter.report({ kind: 'build-started', at: 0, actions: 1, sources: 0 });
  reporter.report({ kind: 'action-cached', at: 1, action: 'a/b' });
  reporter.report({
    kind: 'build-finished',
    at: 2,
    ran: 0,
    cached: 1,
    failed: 0,
    skipped: 0,
    wallSeconds: 0,
    cpuSeconds: 0,
  });
  expect(text).toBe('');
});

test('events as JSON, one a line', () => {
  let text = '';
  const reporter = createJsonReporter({ write: (piece) => (text += piece) });
  for (const event of story) reporter.report(event);
  const lines = text.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(story);
});

test.each([
  [{ ran: 0, cached: 2, failed: 1, skipped: 0 }, '1 failed, 0 actions run, 2 cached in 1.0 s, CPU 2.0 s'],
  [
    { ran: 5, cached: 0, failed: 2, skipped: 3 },
    '2 failed, 3 skipped, 5 actions run, 0 cached in 1.0 s, CPU 2.0 s',
  ],
])('the end of a build after a failure: %j', (counts, line) => {
  let text = '';
  const reporter = createLineReporter({ write: (piece) => (text += piece) });
  reporter.report({ kind: 'build-finished', at: 1, ...counts, wallSeconds: 1, cpuSeconds: 2 });
  expect(text).toBe(`${line}\n`);
});

test('times that the executor does not know are a dash', () => {
  let text = '';
  const reporter = createLineReporter({ write: (piece) => (text += piece) });
  reporter.report({ kind: 'build-started', at: 0, actions: 1, sources: 0 });
  reporter.report({ kind: 'action-finished', at: 1, action: 'a/b', wallSeconds: 1, unchanged: false });
  expect(text).toBe('done    a/b in 1.0 s, CPU - [1/1]\n');
});

test('what another run builds, what was skipped, and an executor that broke are told', () => {
  let text = '';
  const reporter = createLineReporter({ write: (piece) => (text += piece) });
  reporter.report({ kind: 'action-awaited', at: 1, action: 'a/b' });
  reporter.report({ kind: 'action-skipped', at: 1, action: 'a/c', because: ['a/b'] });
  const failure = { reason: 'backend-unreachable', backend: 'far away', detail: 'reset' } as const;
  reporter.report({ kind: 'executor-broke', at: 1, executor: 'far away', action: 'a/d', failure });
  expect(text.split('\n')).toEqual([
    'wait    a/b (another run is building it)',
    'skipped a/c (needs a/b, which failed)',
    'bootstrap: far away cannot be reached',
    '  reset',
    '  Run the command again once it responds: finished work is kept.',
    'a/d is being run again by another executor',
    '',
  ]);
});

import { unreachable } from '../core/result.ts';
import { count } from '../core/count.ts';
import type { BuildEvent, Why } from '../core/event.ts';
import { duration } from './duration.ts';
import { failureText } from './failure-text.ts';

/** Why an action runs, in a few words. */
export function whyText(why: Why): string {
  switch (why.kind) {
    case 'never-built':
      return 'never built';
    case 'recipe-changed':
      return 'its recipe changed';
    case 'inputs-changed':
      return `changed: ${few(why.refs)}`;
    case 'tree-gone':
      return `no longer in the store: ${few(why.outputs)}`;
    case 'no-record':
      return 'to record its commands';
    default:
      return unreachable(why);
  }
}

/** The line that is printed for an event, on a terminal or not; undefined for events that leave no line. */
export function eventLine(event: BuildEvent): string | undefined {
  switch (event.kind) {
    case 'build-started':
    case 'action-output':
    case 'action-cached':
    case 'source-progress':
    case 'source-started':
      return undefined;
    case 'source-finished':
      return `fetched ${event.source}`;
    case 'action-fetched':
      return `fetch   ${event.action} (from the cache)`;
    case 'action-started':
      return `start   ${event.action} (${whyText(event.why)})`;
    case 'action-finished':
      return `done    ${event.action} in ${timesText(event)}${event.unchanged ? ', outputs unchanged' : ''}`;
    case 'failed':
      return `bootstrap: ${failureText(event.failure)}`;
    case 'waiting':
      return waitingLine(event.actions, event.sources);
    case 'note':
      return event.text;
    case 'action-awaited':
      return `wait    ${event.action} (another run is building it)`;
    case 'action-skipped':
      return `skipped ${event.action} (needs ${few(event.because)}, which failed)`;
    case 'executor-broke':
      return `bootstrap: ${failureText(event.failure)}\n${event.action} is being run again by another executor`;
    case 'build-finished':
      return finishedLine(event);
    default:
      return unreachable(event);
  }
}

function finishedLine(event: Extract<BuildEvent, { kind: 'build-finished' }>): string | undefined {
  if (event.ran === 0 && event.failed === 0) return undefined;
  const counts = [
    ...(event.failed > 0 ? [`${event.failed} failed`] : []),
    ...(event.skipped > 0 ? [`${event.skipped} skipped`] : []),
    `${count(event.ran, 'action')} run`,
    `${event.cached} cached`,
  ];
  return `${counts.join(', ')} in ${timesText(event)}`;
}

function timesText({ wallSeconds, cpuSeconds }: { wallSeconds: number; cpuSeconds?: number }): string {
  return `${duration(wallSeconds)}, CPU ${cpuSeconds === undefined ? '-' : duration(cpuSeconds)}`;
}

function waitingLine(actions: readonly string[], sources: readonly string[]): string {
  const names = [...actions, ...sources];
  const counts = [
    ...(actions.length > 0 ? [count(actions.length, 'running action')] : []),
    ...(sources.length > 0 ? [count(sources.length, 'source')] : []),
  ];
  const them = names.length === 1 ? 'it' : 'them';
  return `waiting for ${counts.join(' and ')} to end (${names.join(', ')}); Ctrl-C ends ${them} at once`;
}

function few(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

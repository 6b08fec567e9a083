import type { Explanation, InputChange } from '../build/explain-action.ts';
import { count } from '../core/count.ts';
import { unreachable } from '../core/result.ts';
import { duration } from '../report/duration.ts';
import { whyText } from '../report/event-text.ts';

/** How many changes are listed of each kind. */
const most = 20;

/** How an action stands and why, for people. */
export function explanationText(explanation: Explanation): string {
  const { action, standing } = explanation;
  switch (standing.kind) {
    case 'known':
      return `${action} is built: its result is in the store, and took ${duration(standing.wallSeconds)}\n`;
    case 'waiting':
      return `${action} waits for what has to be done first:\n${few(standing.first.map((name) => `  ${name}\n`))}`;
    case 'must-run':
      return `${action} will be run: ${whyText(standing.why)}\n${changesText(explanation)}`;
    default:
      return unreachable(standing);
  }
}

function changesText({ standing, lines, inputs }: Explanation): string {
  const changedLines = (lines ?? []).map(({ how, line }) => `  ${how === 'before' ? '-' : '+'} ${line}\n`);
  const changedInputs = inputs.map(inputText);
  const failedBefore =
    standing.kind === 'must-run' && standing.history !== undefined && standing.history.key === standing.key
      ? '  with this content it was tried before, and did not succeed\n'
      : '';
  return failedBefore + few(changedLines) + few(changedInputs);
}

function inputText({ label, files }: InputChange): string {
  const signs = { added: '+', removed: '-', changed: '~' } as const;
  if (files === 'gone') return `  ${label} (what it was is no longer in the store)\n`;
  const list = few(
    (files ?? []).map(({ how, path }) => `    ${signs[how]} ${path}\n`),
    '    ',
  );
  return `  ${label}\n${list}`;
}

function few(lines: readonly string[], indent = '  '): string {
  const rest = lines.length - most;
  const shown = lines.slice(0, most).join('');
  return rest > 0 ? `${shown}${indent}and ${count(rest, 'more', 'more')}\n` : shown;
}

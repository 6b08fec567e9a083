/** Lines with their newline; the last one may lack it. */
export function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

interface Step {
  readonly mark: ' ' | '-' | '+';
  readonly line: string;
}

/** A unified diff from one text to another, with so many lines of context; empty when they are equal. */
export function unifiedDiff(before: string, after: string, path: string, context: number): string {
  const steps = compare(splitLines(before), splitLines(after));
  const changed = steps.flatMap((step, index) => (step.mark === ' ' ? [] : [index]));
  if (changed.length === 0) return '';
  const ranges: { from: number; to: number }[] = [];
  for (const index of changed) {
    const from = Math.max(0, index - context);
    const to = Math.min(steps.length, index + context + 1);
    const last = ranges.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else ranges.push({ from, to });
  }
  const hunks = ranges.map(({ from, to }) => hunkText(steps, from, to));
  return `--- a/${path}\n+++ b/${path}\n${hunks.join('')}`;
}

function hunkText(steps: readonly Step[], from: number, to: number): string {
  const count = (part: readonly Step[], mark: '-' | '+') =>
    part.filter((step) => step.mark === ' ' || step.mark === mark).length;
  const part = steps.slice(from, to);
  const head = steps.slice(0, from);
  const range = (mark: '-' | '+') => {
    const length = count(part, mark);
    return `${String(count(head, mark) + (length === 0 ? 0 : 1))},${String(length)}`;
  };
  const body = part.map(({ mark, line }) =>
    line.endsWith('\n') ? `${mark}${line}` : `${mark}${line}\n\\ No newline at end of file\n`,
  );
  return `@@ -${range('-')} +${range('+')} @@\n${body.join('')}`;
}

/** Longest common subsequence by the plain table; removals stand before additions. */
function compare(before: readonly string[], after: readonly string[]): readonly Step[] {
  const table = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  const at = (row: number, column: number) => table[row]?.[column] ?? 0;
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const cells = table[row] ?? [];
      cells[column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const steps: Step[] = [];
  let row = 0;
  let column = 0;
  while (row < before.length || column < after.length) {
    const old = before[row];
    const fresh = after[column];
    if (old !== undefined && old === fresh) {
      steps.push({ mark: ' ', line: old });
      row += 1;
      column += 1;
    } else if (old !== undefined && (fresh === undefined || at(row + 1, column) >= at(row, column + 1))) {
      steps.push({ mark: '-', line: old });
      row += 1;
    } else if (fresh !== undefined) {
      steps.push({ mark: '+', line: fresh });
      column += 1;
    }
  }
  return steps;
}

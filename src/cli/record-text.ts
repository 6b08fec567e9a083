import { mostFirst, type RecordSummary } from '../build/record-summary.ts';

/** For people: what was run of each tool, then tools that an action names and never runs. */
export function summaryText({ actions, tools, without }: RecordSummary): string {
  const lines: string[] = [];
  for (const tool of tools) {
    lines.push(`${tool.label}: named by ${tool.namedBy}, run by ${tool.runBy}`);
    const runs = tool.programs.map(([name, number]) => `${name} ${number}`);
    if (runs.length > 0) lines.push(...wrapped('  ran    ', runs));
    if (tool.never.length > 0) lines.push(...wrapped('  never  ', tool.never));
  }
  const idle = actions.flatMap(({ action, tools: named }) => {
    const labels = [...named].filter(([, runs]) => runs.size === 0).map(([label]) => label);
    return labels.length === 0 ? [] : [`  ${action}: ${labels.join(', ')}`];
  });
  if (idle.length > 0) lines.push('', 'Tools that an action names and runs nothing of:', ...idle);
  const own = actions.flatMap(({ action, own: programs }) => {
    const runs = mostFirst(programs).map(([program, number]) => `${program} ${number}`);
    return runs.length === 0 ? [] : wrapped(`  ${action}: `, runs, 4);
  });
  if (own.length > 0)
    lines.push('', 'Programs of no tool, which actions make themselves or sources bring:', ...own);
  if (without.length > 0) {
    lines.push(
      '',
      'Actions without a record (`--record` writes one when they run, `--record --again` runs them):',
    );
    lines.push(...wrapped('  ', without));
  }
  return `${lines.join('\n')}\n`;
}

/** The summary as plain data. */
export function summaryJson({ actions, tools, without }: RecordSummary): string {
  const plain = {
    tools: tools.map(({ programs, ...tool }) => ({ ...tool, programs: Object.fromEntries(programs) })),
    actions: actions.map(({ action, commands, tools: named, own }) => ({
      action,
      commands,
      tools: Object.fromEntries([...named].map(([label, runs]) => [label, Object.fromEntries(runs)])),
      own: Object.fromEntries(own),
    })),
    without,
  };
  return `${JSON.stringify(plain, undefined, 2)}\n`;
}

const columns = 100;

/** Words behind a heading, further lines indented like it (or by `indent`). */
function wrapped(heading: string, words: readonly string[], indent = heading.length): readonly string[] {
  const lines: string[] = [];
  let line = heading;
  for (const [index, word] of words.entries()) {
    const text = index === words.length - 1 ? word : `${word},`;
    if (line.trim() !== '' && line !== heading && line.length + text.length > columns) {
      lines.push(line.trimEnd());
      line = ' '.repeat(indent);
    }
    line += `${text} `;
  }
  return [...lines, line.trimEnd()];
}

import { isSound, type Row } from '../image-test/checks.ts';
import type { TestResult } from '../image-test/test-guest.ts';
import { duration } from '../report/duration.ts';

const verdicts = ['passed', 'failed', 'not reached', 'cannot', 'absent'] as const;

/** How many rows there are of each verdict. */
function countVerdicts(rows: readonly Row[]): Readonly<Record<Row['verdict'], number>> {
  const counts = { passed: 0, failed: 0, 'not reached': 0, cannot: 0, absent: 0 };
  for (const { verdict } of rows) counts[verdict] += 1;
  return counts;
}

/** The result of one arch, in a line without its end. */
export function testSummary({ arch, rows, seconds }: TestResult): string {
  const counts = countVerdicts(rows);
  const parts = verdicts.filter((verdict, index) => index < 2 || counts[verdict] > 0);
  const said = parts.map((verdict) => `${String(counts[verdict])} ${verdict}`).join(', ');
  return `${arch}: ${isSound(rows) ? 'sound' : 'not sound'} (${said}) in ${duration(seconds)}`;
}

/** The data of tests for scripts, with an overall verdict for each. */
export function testJson(results: readonly TestResult[]): string {
  const tests = results.map((result) => ({ sound: isSound(result.rows), ...result }));
  return `${JSON.stringify({ tests }, undefined, 2)}\n`;
}

/** A block for each arch, then a summary line for each. */
export function testTable(results: readonly TestResult[]): string {
  const blocks = results.map((result) => {
    const width = Math.max(...result.rows.map(({ title }) => title.length));
    const lines = result.rows.map(({ title, verdict, detail }) =>
      `  ${title.padEnd(width)}  ${verdict.padEnd(11)}  ${detail}`.trimEnd(),
    );
    const console =
      result.console.length === 0
        ? []
        : ['  The end of its console output:', ...result.console.map((line) => `  | ${line}`)];
    const made = result.toolchain === undefined ? '' : ` (compiled by ${result.toolchain.version})`;
    return [`${result.arch}${made}`, ...lines, ...console, ''].map((line) => `${line}\n`).join('');
  });
  return `${blocks.join('')}${results.map((result) => `${testSummary(result)}\n`).join('')}`;
}

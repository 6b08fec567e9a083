import { count } from '../core/count.ts';
import type { Finding } from '../porting/finding.ts';

/** A line for each finding: faults come last, where readers look first. */
export function findingsText(findings: readonly Finding[]): string {
  const order = ['ok', 'note', 'missing', 'fault'] as const;
  const sorted = order.flatMap((state) => findings.filter((found) => found.state === state));
  const width = Math.max(0, ...sorted.map(({ field }) => field.length));
  return sorted
    .map(({ state, field, value, message }) => {
      const [first = '', ...rest] = message.split('\n');
      const said = value === '' ? first : `${value}: ${first}`;
      const more = rest.map((line) => `${' '.repeat(width + 11)}${line}\n`);
      return `${state.padEnd(7)}  ${field.padEnd(width)}  ${said}\n${more.join('')}`;
    })
    .join('');
}

/** The findings summarized in a sentence. */
export function findingsSummary(name: string, findings: readonly Finding[]): string {
  const faults = findings.filter(({ state }) => state === 'fault').length;
  const missing = findings.filter(({ state }) => state === 'missing').length;
  if (faults === 0 && missing === 0) return `No fault was found in ${name}.\n`;
  const parts = [
    ...(faults > 0 ? [`${name} has ${count(faults, 'fault')}`] : []),
    ...(missing > 0
      ? [`${count(missing, 'thing')} of this machine ${missing === 1 ? 'is' : 'are'} missing`]
      : []),
  ];
  return `${parts.join('; ')}.\n`;
}

/** 2 if the descriptor has a fault, 1 if this machine lacks something needed to check it. */
export function exitCodeOfFindings(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ state }) => state === 'fault')) return 2;
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
}

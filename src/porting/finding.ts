/** One thing about a descriptor that was looked at. */
export interface Finding {
  /**
   * `fault`: the descriptor is wrong. `missing`: something of this machine is, so that the rest could not be looked at.
   * `note`: worth knowing, and no fault.
   */
  readonly state: 'ok' | 'fault' | 'missing' | 'note';
  /** Field path such as `kernel.symbols[3]`. */
  readonly field: string;
  /** What the descriptor says there, as text; empty where it says nothing. */
  readonly value: string;
  /** What was found; of a fault also what would be right. */
  readonly message: string;
}

/** A finding of each state, by the order of its parts. */
export const finding = {
  ok: maker('ok'),
  fault: maker('fault'),
  missing: maker('missing'),
  note: maker('note'),
};

function maker(state: Finding['state']): (field: string, value: string, message: string) => Finding {
  return (field, value, message) => ({ state, field, value, message });
}

/** A line for each finding: faults last, where a reader looks. */
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

/** 2 where the descriptor has a fault, 1 where this machine lacks what it takes to tell. */
export function exitCodeOfFindings(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ state }) => state === 'fault')) return 2;
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
}

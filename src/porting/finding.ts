/** The result of one check of a descriptor. */
export interface Finding {
  /**
   * `fault`: the descriptor is wrong. `missing`: this machine lacks something, so that the rest could not be checked.
   * `note`: worth knowing, but not a fault.
   */
  readonly state: 'ok' | 'fault' | 'missing' | 'note';
  /** Field path such as `kernel.symbols[3]`. */
  readonly field: string;
  /** The descriptor's value, as text; empty if it has none. */
  readonly value: string;
  /** What was found; for a fault, also what would be right. */
  readonly message: string;
}

/** Creates findings by state, from their parts in order. */
export const finding = {
  ok: maker('ok'),
  fault: maker('fault'),
  missing: maker('missing'),
  note: maker('note'),
};

function maker(state: Finding['state']): (field: string, value: string, message: string) => Finding {
  return (field, value, message) => ({ state, field, value, message });
}

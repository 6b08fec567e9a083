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

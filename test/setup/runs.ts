/**
 * How often a property is tried with drawn values: as often as is enough for every day. `FC_RUNS=100 npm run test:unit`
 * tries each a hundred times as often, with time limits to match.
 *
 * @param usual runs without FC_RUNS
 */
export function runs(usual: number): number {
  return Math.ceil(usual * runFactor());
}

/** What FC_RUNS says; 1 without it. */
export function runFactor(): number {
  const given = process.env['FC_RUNS'];
  if (given === undefined) return 1;
  const factor = Number(given);
  if (!(factor > 0)) throw new Error(`FC_RUNS=${given}: must be a number above 0`);
  return factor;
}

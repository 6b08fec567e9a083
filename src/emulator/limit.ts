/** Result of starting a machine with an amount of memory. */
export type Taken = 'taken' | 'refused' | 'too much for this host';

/**
 * The most memory, in MiB, that a machine accepts; found by bisection.
 *
 * @param least is accepted
 * @param most is refused
 */
export async function findLimit(
  least: number,
  most: number,
  tryMemory: (memory: number) => Promise<Taken>,
): Promise<number> {
  let [good, bad] = [least, most];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if ((await tryMemory(middle)) === 'taken') good = middle;
    else bad = middle;
  }
  return good;
}

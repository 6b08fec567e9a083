/** Items in an order in which each comes after those that it needs, and the cycles that were found. */
export interface Ordering<Item> {
  readonly items: readonly Item[];
  /** Each as the chain that leads from an item back to itself; empty if an order exists. */
  readonly cycles: readonly (readonly Item[])[];
}

/** `roots` and what they need, depth first: roots in the given order, their needs in the order of `needsOf`. */
export function orderByNeeds<Item>(
  roots: readonly Item[],
  needsOf: (item: Item) => readonly Item[],
): Ordering<Item> {
  const items = new Set<Item>();
  const cycles: Item[][] = [];
  const chain: Item[] = [];
  const visit = (item: Item): void => {
    if (items.has(item)) return;
    const start = chain.indexOf(item);
    if (start >= 0) {
      cycles.push([...chain.slice(start), item]);
      return;
    }
    chain.push(item);
    needsOf(item).forEach(visit);
    chain.pop();
    items.add(item);
  };
  roots.forEach(visit);
  return { items: [...items], cycles };
}

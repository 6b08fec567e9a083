/** Does something with each item, with up to `most` at once. Rejects with the first error, once nothing is in progress any more. */
export async function eachOf<Item>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  let fault: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < items.length && fault === undefined) {
      const item = items[next++] as Item;
      try {
        await work(item);
      } catch (error) {
        fault ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  if (fault !== undefined) throw fault.error;
}

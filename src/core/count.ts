/** `3 faults`, `1 fault`; with a plural of its own, `2 strata`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

const byNumber = new Intl.Collator('en', { numeric: true });

/** Whether one version came before another: 6.5 before 6.12. */
export function isBefore(version: string, other: string): boolean {
  return byNumber.compare(version, other) < 0;
}

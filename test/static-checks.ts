/** Format, lint and types: programs of packages with their arguments. */
export const staticChecks: readonly (readonly [program: string, ...rest: string[]])[] = [
  // By content: times of files are new in every clone.
  ['prettier', '--check', '--cache', '--cache-strategy', 'content', '.'],
  ['eslint', '.'],
  ['tsc', '--noEmit'],
];

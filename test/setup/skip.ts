/**
 * Whether tests are left out for want of what a machine may lack. Never in CI, which has everything: there they run, and
 * fail where it has not.
 */
export function mayLack(isThere: boolean): boolean {
  return !isThere && !process.env['CI'];
}

import { checksOf, type Verdict } from '../../src/image-test/checks.ts';
import type { TestResult } from '../../src/image-test/test-guest.ts';

export const names = { programs: ['numbers', 'times'], musl: ['qsort'] };

/** A test in which everything passed but what is named. */
export function result(others: Readonly<Record<string, Verdict>> = {}): TestResult {
  const rows = checksOf(names).map(({ id, title }) => {
    const verdict = others[id] ?? 'passed';
    return { id, title, verdict, detail: id === 'kernel' ? 'Linux 6.1 sample' : `why ${id}` };
  });
  const facts = {
    kernelBytes: 3 * 1024 ** 2,
    rootBytes: 2 * 1024 ** 2,
    nativeCompiler: true,
    versions: { linux: '6.1' },
  };
  return { arch: 'sample', rows, console: [], bootSeconds: 7, seconds: 60, ...facts };
}

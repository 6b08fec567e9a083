import { defineConfig } from 'vitest/config';

/** Builds and boots take as long as they take; a hang ends by the limits of the tests themselves. */
const hours = 3_600_000;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/real/**', 'test/full/**', 'test/guest/**'],
          globalSetup: 'test/setup/private-home.ts',
          setupFiles: 'test/setup/own-environment.ts',
          // A hang, not a slow machine: a check starts a dozen programs, and others may want the processor too.
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          testTimeout: 2 * hours,
          hookTimeout: 2 * hours,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'guest',
          include: ['test/guest/**/*.test.ts'],
          testTimeout: 4 * hours,
          hookTimeout: 4 * hours,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'full',
          include: ['test/full/**/*.test.ts'],
          testTimeout: 4 * hours,
          hookTimeout: 4 * hours,
          fileParallelism: false,
        },
      },
    ],
  },
});

import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { runFactor } from './test/setup/runs.ts';

/** Builds and boots take as long as they take; a hang ends by the limits of the tests themselves. */
const hours = 3_600_000;

/** Tests that build and boot for real. */
const builds = ['test/real/**', 'test/full/**', 'test/guest/**', 'test/sample-system/**', 'test/services/**'];

/** Tests run the compiled program, and ask where it is. */
const compiling = 'test/setup/compiled-program.ts';

/** A home, a cache and a temporary directory of each process's own; the user's are watched. */
const ownPlace = {
  globalSetup: [compiling, 'test/setup/private-home.ts'],
  setupFiles: [compiling, 'test/setup/own-environment.ts'],
  testTimeout: 60_000 * Math.max(1, runFactor()),
};

export default defineConfig({
  test: {
    // Twice as many as there are processors: much of the tests' time is waiting for the programs that they start.
    maxWorkers: 2 * availableParallelism(),
    projects: [
      {
        // What starts no process: all in one process, module by module.
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: [...builds, 'test/**/*.process.test.ts'],
          ...ownPlace,
          setupFiles: [compiling, 'test/setup/own-environment.ts', 'test/setup/no-processes.ts'],
          isolate: false,
        },
      },
      {
        // Compiled programs, shells, namespaces, signals. A hang ends by the limit, and not because a machine is busy.
        test: {
          name: 'process',
          // As many processes as there are cores, and not one a file: loading modules again took a tenth of the time.
          isolate: false,
          include: ['test/**/*.process.test.ts'],
          exclude: builds,
          ...ownPlace,
          testTimeout: 600_000 * Math.max(1, runFactor()),
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'real',
          globalSetup: compiling,
          setupFiles: compiling,
          include: ['test/real/**/*.test.ts'],
          testTimeout: 2 * hours,
          hookTimeout: 2 * hours,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'guest',
          globalSetup: compiling,
          setupFiles: compiling,
          include: ['test/guest/**/*.test.ts'],
          testTimeout: 4 * hours,
          hookTimeout: 4 * hours,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'system',
          globalSetup: compiling,
          setupFiles: compiling,
          include: ['test/sample-system/**/*.test.ts'],
          testTimeout: 8 * hours,
          hookTimeout: 2 * hours,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'remote',
          globalSetup: compiling,
          setupFiles: compiling,
          include: ['test/services/**/*.test.ts'],
          testTimeout: hours,
          hookTimeout: hours,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'full',
          globalSetup: compiling,
          setupFiles: compiling,
          include: ['test/full/**/*.test.ts'],
          testTimeout: 4 * hours,
          hookTimeout: 4 * hours,
          fileParallelism: false,
        },
      },
    ],
  },
});

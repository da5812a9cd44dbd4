import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// `npm run test:long` alone runs these: commands that are killed at random moments, one process each.
const longOnly = ['test/interruption/kills.test.ts'];

// `npm run check` runs these too: they need no server.
const withoutServers = ['test/architecture.test.ts', 'test/language.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './test/reporter.ts'],
    // Processes, not threads: tests send signals and change the environment, and the memory of
    // a PGlite (about 1 GiB) goes with the process of the file that used it.
    pool: 'forks',
    // Four on two processors: a worker waits for servers, engines and processes a third of its time.
    maxWorkers: Math.max(4, Math.floor(availableParallelism() / 2)),
    // A narrowed run leaves suites about the other targets empty; the run says what it leaves out.
    passWithNoTests: Boolean(process.env['DBOPS_TARGETS']),
    testTimeout: 90_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: 'architecture', include: withoutServers } },
      {
        extends: true,
        test: {
          name: 'dbops',
          include: ['test/**/*.test.ts'],
          exclude: [...withoutServers, ...longOnly],
          globalSetup: 'test/db/global-setup.ts',
        },
      },
    ],
  },
});

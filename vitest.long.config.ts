import { globSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/** The files whose tests `npm test` distributes over the targets (test/db/targets.ts). */
const distributed = globSync('test/**/*.test.ts').filter((file) =>
  /\b(?:casesOn|inTurn|isLongRun|newestAndEmbedded)\b/.test(readFileSync(file, 'utf8')),
);

/**
 * The random tests, with as many cases as a night has room for, and the tests that cover every
 * combination only here (`npm run test:long`).
 */
export default defineConfig({
  test: {
    ...suite.test,
    projects: [
      {
        extends: true,
        test: {
          name: 'long',
          include: [
            'test/backfill/{hunt,kill}.test.ts',
            'test/catalog/property.test.ts',
            'test/interop/*.test.ts',
            'test/interruption/kills.test.ts',
            'test/migrate/rollback/property.test.ts',
            'test/repair/desync.test.ts',
            'test/rescue/property.test.ts',
            ...distributed,
          ],
          globalSetup: 'test/db/global-setup.ts',
          env: { DBOPS_CASES: process.env['DBOPS_CASES'] ?? '100' },
        },
      },
    ],
  },
});

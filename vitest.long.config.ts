import { defineConfig } from 'vitest/config';
import suite from './vitest.config.ts';

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
            'test/migrate/rollback/{property,sequences}.test.ts',
            'test/repair/desync.test.ts',
            'test/rescue/{property,several-steps}.test.ts',
            'test/security/*.test.ts',
          ],
          globalSetup: 'test/db/global-setup.ts',
          env: { DBOPS_CASES: process.env['DBOPS_CASES'] ?? '100' },
        },
      },
    ],
  },
});

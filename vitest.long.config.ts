import { defineConfig } from 'vitest/config';
import suite from './vitest.config.ts';

/** The random tests, with as many cases as a night has room for (`npm run test:long`). */
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
            'test/migrate/rollback/property.test.ts',
            'test/repair/desync.test.ts',
            'test/rescue/property.test.ts',
          ],
          globalSetup: 'test/db/global-setup.ts',
          env: { DBOPS_CASES: process.env['DBOPS_CASES'] ?? '100' },
        },
      },
    ],
  },
});

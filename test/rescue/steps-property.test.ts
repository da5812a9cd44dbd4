import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLongRun } from '../cases.ts';
import { newest } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { withProject } from '../migrate/project.ts';
import { randomDestruction, tables, type Destruction } from './random-steps.ts';
import { contentOf } from './session.ts';

const cases = Number(process.env['DBOPS_CASES'] ?? 3);

const filesOf = (steps: readonly Destruction[]) => ({
  '0001_create.up.sql': tables.create,
  ...Object.fromEntries(steps.map((sql, at) => [`000${at + 2}_destroy.up.sql`, sql])),
});

describe.each(newest)('any sequence of migrations that destroy on $name', (target) => {
  it(
    `has every row and value in its place after down --to the first (${cases} cases)`,
    { timeout: 120_000 + cases * 30_000 },
    () =>
      fc.assert(
        fc.asyncProperty(randomDestruction, (steps) =>
          withProject(target, filesOf(steps), async (project) => {
            const shadow = ['--shadow-url', target.adminUrl];
            await project.dbops('migrate', 'up', '--to', '1');
            const contents = () => withSession(project.url, contentOf);
            await withSession(project.url, (session) => session.script(tables.fill));
            const before = await contents();
            expect((await project.json('migrate', 'up', ...shadow)).error).toBeUndefined();
            const down = await project.json('migrate', 'down', '--to', '1', ...shadow);
            expect(down.error).toBeUndefined();
            expect(down['notRestored']).toEqual([]);
            expect(await contents()).toEqual(before);
          }),
        ),
        // `npm test` tries the same sequences each time; `npm run test:long` tries new ones.
        { numRuns: cases, ...(isLongRun ? {} : { seed: 1 }) },
      ),
  );
});

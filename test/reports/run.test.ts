import { describe, expect, it } from 'vitest';
import { usageOf } from '../../src/reference/usage.ts';
import { reportUsage } from '../../src/reports/usage/run.ts';
import { targets, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { applyMigrations, documentOf } from './database.ts';

const asOf = new Date('2026-11-20');

describe.each(targets)('a report on a partly migrated database, on $name', (target) => {
  it('names the missing table or column, and returns no rows for empty tables', async () => {
    await withDatabase(target, (url) =>
      withSession(url, async (session) => {
        const usageNow = () => reportUsage(session, usageOf(['active']), { asOf, now: asOf });

        await applyMigrations(session, { last: '0004' });
        await expect(usageNow()).rejects.toMatchObject(undeclared('usage.subjects.slug', 'slug'));

        await applyMigrations(session, { after: '0004', last: '0009' });
        await expect(usageNow()).rejects.toMatchObject(
          undeclared('usage.meters.max_records.from', 'records'),
        );

        await applyMigrations(session, { after: '0009' });
        const report = await usageNow();
        expect(report.exitCode).toBe(0);
        expect(documentOf(report).rows).toEqual([]);
      }),
    );
  });
});

function undeclared(place: string, what: string) {
  return {
    code: 'DECLARED.INVALID',
    exitCode: 2,
    message: expect.stringContaining(place),
    reason: expect.arrayContaining([expect.stringMatching(new RegExp(`${what}.* does not exist`))]),
    hint: expect.stringContaining('dbops migrate status'),
  };
}

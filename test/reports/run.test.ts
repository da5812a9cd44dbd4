import { describe, expect, it } from 'vitest';
import { runReport } from '../../src/reports/run.ts';
import { usage } from '../../src/reference/reports/usage.ts';
import { targets, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { applyMigrations, documentOf } from './database.ts';

const asOf = new Date('2026-11-20');

describe.each(targets)('a report on a partly migrated database, on $name', (target) => {
  it('names the missing table or column, and returns no rows for empty tables', async () => {
    await withDatabase(target, (url) =>
      withSession(url, async (session) => {
        const usageNow = () => runReport(session, usage, { asOf });

        await applyMigrations(session, { last: '0004' });
        await expect(usageNow()).rejects.toMatchObject(missing('slug'));

        await applyMigrations(session, { after: '0004', last: '0009' });
        await expect(usageNow()).rejects.toMatchObject(missing('records'));

        await applyMigrations(session, { after: '0009' });
        const report = await usageNow();
        expect(report.exitCode).toBe(0);
        expect(documentOf(report).rows).toEqual([]);
      }),
    );
  });
});

function missing(what: string) {
  return {
    code: 'REPORT.SCHEMA',
    exitCode: 2,
    message: expect.stringMatching(new RegExp(`${what}.* does not exist`)),
    hint: expect.stringContaining('dbops migrate up'),
  };
}

// The workshops project: its ledger against the balances of its users, worked out by hand.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/db/session.ts';
import { creditsSchema, type Credits } from '../../src/reports/credits/definition.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { targets } from '../db/targets.ts';
import { dataOf, formsOf, ledgerOf, linesOf, reconcileOf } from './declared.ts';

const folder = join(import.meta.dirname, '../fixtures/workshops/drizzle');

const declared: Credits = creditsSchema.parse({
  holders: { from: 'users', id: 'clerk_user_id', name: 'email' },
  ledger: {
    from: 'credit_transactions',
    id: 'id',
    holder: 'clerk_user_id',
    at: 'created_at',
    amount: 'amount',
    settled: "status = 'completed'",
    equals: { table: 'users', column: 'credit_balance' },
  },
});

// created_at has no time zone: it is in UTC, whatever the zone of the role or the session.
const rows = `
  INSERT INTO users (id, clerk_user_id, email, name, credit_balance) VALUES
    ('user_1', 'clerk_ada', 'Ada@example.com', 'Ada', 32),
    ('user_2', 'clerk_ben', 'ben@example.com', 'Ben', 5),
    ('user_3', 'clerk_cleo', 'cleo@example.com', 'Cleo', 4),
    ('user_4', 'clerk_dan', 'dan@example.com', 'Dan', 0);
  INSERT INTO credit_transactions (id, clerk_user_id, type, status, amount, created_at) VALUES
    ('a1', 'clerk_ada', 'purchase', 'completed', 10, '2026-01-31 23:59:59.999999'),
    ('a2', 'clerk_ada', 'consumption', 'completed', -1, '2026-02-01 00:00'),
    ('a3', 'clerk_ada', 'consumption', 'completed', -1, '2026-02-10 10:00'),
    ('a4', 'clerk_ada', 'consumption', 'completed', -1, '2026-02-12 10:00'),
    ('a5', 'clerk_ada', 'refund', 'completed', 1, '2026-02-14 10:00'),
    ('a6', 'clerk_ada', 'purchase', 'completed', 25, '2026-02-20 10:00'),
    ('a7', 'clerk_ada', 'purchase', 'failed', 50, '2026-02-21 10:00'),
    ('a8', 'clerk_ada', 'purchase', 'pending', 10, '2026-02-28 23:59:59.999999'),
    ('a9', 'clerk_ada', 'consumption', 'completed', -1, '2026-03-01 00:00'),
    ('b1', 'clerk_ben', 'purchase', 'completed', 5, '2026-02-03 10:00'),
    ('b2', 'clerk_ben', 'consumption', 'completed', -2, '2026-02-15 10:00'),
    ('b3', 'clerk_ben', 'consumption', 'completed', -1, '2026-02-16 10:00'),
    ('g1', 'clerk_gone', 'purchase', 'completed', 7, '2026-02-05 10:00');`;

const figures = ['holder', 'opening', 'in', 'out', 'closing', 'entries'];

describe.each(targets)('the ledger of the workshops project on $name', (target) => {
  let database: OpenDatabase;
  let session: Session;

  beforeAll(async () => {
    database = await openDatabase(target);
    ({ session } = database);
    for (const file of globSync(`${folder}/*.sql`).toSorted())
      await session.script(readFileSync(file, 'utf8'));
    await session.script(rows);
    // The report must not depend on it.
    await session.script(`SET TimeZone = 'America/New_York'`);
  });

  afterAll(() => database.end());

  it('adds up the settled entries of a UTC month, which excludes its end', async () => {
    const report = await ledgerOf(session, declared, { month: '2026-02' });
    expect(linesOf(report, ...figures)).toEqual([
      // opening a1 = 10; in a5 + a6 = 1 + 25 = 26; out a2 + a3 + a4 = 3; closing 10 + 26 − 3 = 33
      'Ada@example.com 10 26 3 33 5',
      // opening 0; in b1 = 5; out b2 + b3 = 2 + 1 = 3; closing 0 + 5 − 3 = 2
      'ben@example.com 0 5 3 2 3',
    ]);
    expect(dataOf(report).rows[0]).toMatchObject({ holderId: 'clerk_ada' });
    expect(dataOf(report).rows[0]).not.toHaveProperty('kind');
    expect(dataOf(report)).toMatchObject({
      // 10 + 0; 26 + 5 = 31; 3 + 3 = 6; 10 + 31 − 6 = 35 = 33 + 2; 5 + 3 = 8 entries
      totals: { rows: 2, opening: 10, in: 31, out: 6, closing: 35, entries: 8 },
      notes: expect.arrayContaining([
        'not counted, entries of holders that credits.holders does not have: 1',
      ]),
    });
  });

  it('opens a month with what the one before closed', async () => {
    const march = await ledgerOf(session, declared, { month: '2026-03' });
    // Ada: 33 − a9 = 33 − 1 = 32
    expect(linesOf(march, ...figures)).toEqual([
      'Ada@example.com 33 0 1 32 1',
      'ben@example.com 2 0 0 2 0',
    ]);
    const january = await ledgerOf(session, declared, { month: '2026-01' });
    expect(linesOf(january, ...figures)).toEqual(['Ada@example.com 0 10 0 10 1']);
  });

  it('ends at --as-of where that is earlier', async () => {
    const until = new Date('2026-02-14T10:00:00Z');
    const report = await ledgerOf(session, declared, { month: '2026-02', until });
    // Ada: without a5, which is at that time: 10 − 3 = 7. Ben: b1 alone.
    expect(linesOf(report, ...figures)).toEqual([
      'Ada@example.com 10 0 3 7 3',
      'ben@example.com 0 5 0 5 1',
    ]);
  });

  it('shows the entries that are not settled', async () => {
    const report = await ledgerOf(session, declared, { month: '2026-02', unsettled: true });
    // a7 + a8 = 50 + 10 = 60
    expect(linesOf(report, ...figures)).toEqual(['Ada@example.com 0 60 0 60 2']);
    const { settled: _, ...ledger } = declared.ledger ?? {
      from: '',
      holder: '',
      at: '',
      amount: '',
    };
    const asked = { month: '2026-02', unsettled: true };
    await expect(ledgerOf(session, { ...declared, ledger }, asked)).rejects.toMatchObject({
      code: 'LEDGER.SETTLED',
      exitCode: 2,
    });
  });

  it.each(['ADA@EXAMPLE.com', 'clerk_ada'])('finds the holder %s', async (holder) => {
    const report = await ledgerOf(session, declared, { month: '2026-02', holder });
    expect(linesOf(report, ...figures)).toEqual(['Ada@example.com 10 26 3 33 5']);
  });

  it('rejects a holder that does not exist', async () => {
    const asked = { month: '2026-02', holder: 'nobody' };
    await expect(ledgerOf(session, declared, asked)).rejects.toMatchObject({
      code: 'REPORT.HOLDER',
      exitCode: 2,
      message: 'No holder of credits has the name or id nobody.',
    });
  });

  it('prints figures and what is not counted in the terminal', async () => {
    const { text } = await formsOf(await ledgerOf(session, declared, { month: '2026-02' }));
    expect(text).toContain('Ledger, 2026-02-01 to 2026-03-01 (UTC, end excluded)');
    expect(text).toContain('not counted, entries of holders that credits.holders does not have: 1');
    expect(text).toContain('rows: 2 (8 entries; opening 10, in 31, out 6, closing 35)');
  });

  it('reconciles each balance with the settled entries, and names where they part', async () => {
    const report = await reconcileOf(session, declared);
    expect(report.exitCode).toBe(4);
    const keys = ['holder', 'holderId', 'balance', 'ledger', 'difference', 'firstEntry'];
    expect(linesOf(report, ...keys)).toEqual([
      // 5 − (5 − 2 − 1) = 3; after b1 the sum is 5, the balance: b2 and b3 are not in it.
      'ben@example.com clerk_ben 5 2 3 b2',
      // 4 − 0, without any entry
      'cleo@example.com clerk_cleo 4 0 4 undefined',
      // the entry of nobody: 0 − 7
      'null clerk_gone null 7 -7 undefined',
    ]);
    // Ada: 10 − 3 + 1 + 25 − 1 = 32; Dan: 0 and no entry; with the stranger 5 are compared.
    expect(dataOf(report).totals).toEqual({ rows: 3, compared: 5 });
    expect((await reconcileOf(session, declared, 'ada@example.com')).exitCode).toBe(0);
  });
});

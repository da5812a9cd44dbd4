import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/db/session.ts';
import { credits as bundledCredits } from '../../src/reference/credits.ts';
import { withBalances } from '../../src/reports/credits/declared.ts';
import { creditsSchema, type Credits } from '../../src/reports/credits/definition.ts';
import { creditsFigures, type CreditsRequest } from '../../src/reports/credits/report.ts';
import { dayOf } from '../../src/reports/period.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { targets } from '../db/targets.ts';
import { applyMigrations } from './database.ts';
import { dataOf, formsOf, linesOf, reportOf } from './declared.ts';

const asOf = new Date('2026-11-20T12:00:00Z');

// The free and pro users of the seed documents, and one whom nothing has reset since October.
const bundled = `
  INSERT INTO users (id, email) VALUES
    ('free', 'free@example.com'), ('pro', 'Pro@example.com'), ('late', 'late@example.com'),
    ('none', 'none@example.com');
  INSERT INTO credits (user_id, credit_type, total_credits, used_credits, monthly_allocation,
    reset_day_of_month, billing_period_start, billing_period_end, is_current) VALUES
    ('free', 'free', 2000, 500, 2000, 1, '2026-11-01Z', '2026-12-01Z', true),
    ('free', 'free', 2000, 1900, 2000, 1, '2026-10-01Z', '2026-11-01Z', false),
    ('pro', 'free', 2000, 0, 2000, 31, '2026-10-31Z', '2026-11-30Z', true),
    ('pro', 'pro', 10000, 10001, 0, 20, '2026-11-20Z', '2026-12-20Z', true),
    ('late', 'free', 0, 0, 2000, 15, '2026-10-20 12:00Z', '2026-11-20 12:00Z', true);`;

// Mixed case, a schema of its own, and everything that a balance can hold.
const hostile = String.raw`E'=HYPERLINK("x")\u001b[31m,\nforged'`;
const own = `
  CREATE SCHEMA "Shop";
  CREATE TABLE "Shop"."Account" (id uuid PRIMARY KEY, "displayName" text, deleted boolean DEFAULT false);
  INSERT INTO "Shop"."Account" VALUES
    ('00000000-0000-0000-0000-000000000001', ${hostile}, false),
    ('00000000-0000-0000-0000-000000000002', 'Gone', true),
    ('00000000-0000-0000-0000-000000000003', NULL, false);
  CREATE TABLE "Shop"."Wallet" (account text, granted numeric(20,2), spent numeric, huge bigint, day smallint, ends date);
  INSERT INTO "Shop"."Wallet" VALUES
    ('00000000-0000-0000-0000-000000000001', 10.50, 2.25, 9223372036854775807, 31, '2026-11-21'),
    ('00000000-0000-0000-0000-000000000003', 0.10, 0.30, 9223372036854775807, 32, 'infinity'),
    ('00000000-0000-0000-0000-000000000003', NULL, 1, 1, 1, NULL),
    ('00000000-0000-0000-0000-000000000003', 1, 'NaN', 1, 1, NULL),
    ('00000000-0000-0000-0000-000000000002', 1, 1, 1, 1, NULL),
    ('00000000-0000-0000-0000-000000000009', 1, 1, 1, 1, NULL),
    (NULL, 1, 1, 1, 1, NULL);`;

const wallets: Credits = creditsSchema.parse({
  holders: {
    from: '"Shop"."Account" a',
    id: 'a.id',
    name: 'a."displayName"',
    where: 'not deleted',
  },
  balances: {
    from: '"Shop"."Wallet" w',
    holder: 'w.account',
    granted: 'w.granted',
    used: 'spent',
    resetDay: 'day',
    periodEnd: 'ends',
  },
});

describe.each(targets)('report credits on $name', (target) => {
  let database: OpenDatabase;
  let session: Session;

  beforeAll(async () => {
    database = await openDatabase(target);
    ({ session } = database);
    await applyMigrations(session);
    await session.script(bundled);
    await session.script(own);
    // The report must not depend on it.
    await session.script(`SET TimeZone = 'America/New_York'`);
  });

  afterAll(() => database.end());

  const run = (request: Partial<CreditsRequest> = {}, credits: Credits = bundledCredits) =>
    reportOf(session, asOf, () =>
      creditsFigures(session, withBalances(credits), { asOf, ...request }),
    );

  it('lists the current rows by holder and kind', async () => {
    expect(dataOf(await run()).rows.map(line)).toEqual([
      'Pro@example.com free 2000-0=2000 0.0% +2000 2026-11-30 9d ok',
      'Pro@example.com pro 10000-10001=-1 100.0% +0 2026-12-20 29d over',
      'free@example.com free 2000-500=1500 25.0% +2000 2026-12-01 10d ok',
      'late@example.com free 0-0=0 null% +2000 2026-12-15 24d stale',
    ]);
    expect(dataOf(await run()).rows[0]).toMatchObject({
      holderId: 'pro',
      periodEnd: '2026-11-30T00:00:00.000Z',
    });
  });

  it('reports stale from the end of the period on, not a millisecond before', async () => {
    const stateAt = async (instant: number) =>
      linesOf(await run({ holder: 'late@example.com', asOf: new Date(instant) }), 'state');
    expect(await stateAt(asOf.getTime())).toEqual(['stale']);
    expect(await stateAt(asOf.getTime() - 1)).toEqual(['ok']);
  });

  it('sums the figures and counts stale and over', async () => {
    const sums = { granted: 14_000, used: 10_501, remaining: 3_499 };
    expect(dataOf(await run()).totals).toEqual({ rows: 4, ...sums, stale: 1, over: 1 });
  });

  it('exits with 4 for the states that are asked for', async () => {
    const exitCodeOf = async (request: Partial<CreditsRequest>) => (await run(request)).exitCode;
    expect(await exitCodeOf({})).toBe(0);
    expect(await exitCodeOf({ failOn: ['over'] })).toBe(4);
    expect(await exitCodeOf({ failOn: ['stale'], holder: 'pro@example.com' })).toBe(0);
    expect(await exitCodeOf({ failOn: ['over', 'stale'], holder: 'late@example.com' })).toBe(4);
  });

  it('finds a holder by the name in any case, or the id', async () => {
    expect(linesOf(await run({ holder: 'PRO@example.com' }), 'kind')).toEqual(['free', 'pro']);
    expect(linesOf(await run({ holder: 'pro' }), 'kind')).toEqual(['free', 'pro']);
  });

  it('distinguishes a holder without credits from an unknown one', async () => {
    expect(dataOf(await run({ holder: 'none@example.com' })).rows).toEqual([]);
    await expect(run({ holder: 'nobody@example.com' })).rejects.toMatchObject({
      code: 'REPORT.HOLDER',
      exitCode: 2,
    });
  });

  it('computes decimals exactly, and names what it does not count', async () => {
    const report = await run({}, wallets);
    const id = '00000000-0000-0000-0000-000000000003';
    expect(linesOf(report, 'holderId', 'granted', 'used', 'remaining', 'percent', 'state')).toEqual(
      [
        // a holder without a name has its id; 0.10 − 0.30 = −0.20; 0.3 of 0.1 = 300 %
        `${id} 0.1 0.3 -0.2 300.0 over`,
        // 10.50 − 2.25 = 8.25; 2.25 of 10.50 = 21.43 %
        '00000000-0000-0000-0000-000000000001 10.5 2.25 8.25 21.4 ok',
      ],
    );
    const [first, second] = dataOf(report).rows;
    expect(first).toMatchObject({ holder: id, kind: null, reset: null, periodEnd: 'infinity' });
    // The reset on day 31 after 20 November is on the 30th.
    expect(second).toMatchObject({ reset: '2026-11-30T00:00:00.000Z', daysLeft: 9 });
    // 10.50 + 0.10 = 10.60; 2.25 + 0.30 = 2.55
    expect(dataOf(report)).toMatchObject({
      totals: { rows: 2, granted: '10.6', used: '2.55', remaining: '8.05', stale: 0, over: 1 },
      notes: expect.arrayContaining([
        'not counted, balances without a holder: 1',
        'not counted, balances of holders that credits.holders does not have: 1',
        'not counted, balances in which granted or used is NULL: 1',
        'not counted, balances in which granted or used is NaN or infinite: 1',
        'holders with several balances of one kind, each of which is a row: 1',
        'reset days that are not whole numbers from 1 to 31: 1',
      ]),
    });
  });

  it('sums beyond int8', async () => {
    const where = 'w.huge > 1';
    const balances = {
      from: '"Shop"."Wallet" w',
      holder: 'account',
      granted: 'huge',
      used: '1',
      where,
    };
    const { json } = await formsOf(await run({}, { ...wallets, balances }));
    // 2 × 9,223,372,036,854,775,807; less 1 each
    expect(json).toMatch(/"granted": 18446744073709551614,\s+"used": 2/);
    expect(json).toContain('"remaining": 9223372036854775806');
  });

  it('takes no name of the database for more than text', async () => {
    const { text, csv, json } = await formsOf(await run({}, wallets));
    // oxlint-disable-next-line no-control-regex -- the control is what is looked for
    expect(text + csv + json).not.toMatch(/\u001b/);
    expect(text).toContain(String.raw`=HYPERLINK("x"),\nforged`);
    expect(csv).toContain(`"'=HYPERLINK(""x""),\nforged"`);
    expect(JSON.parse(json).rows[1].holder).toBe('=HYPERLINK("x")\u001b[31m,\nforged');
  });

  it.each([
    [{ granted: 'account' }, 'credits.balances.granted has the type text; expected a number.'],
    [{ periodEnd: 'day' }, 'credits.balances.periodEnd has the type smallint; expected a date'],
    [{ where: 'day' }, 'credits.balances.where has the type smallint; expected a condition'],
    [{ used: 'grantd' }, 'credits.balances.used does not run on this database.'],
    [{ used: 'sum(spent)' }, 'credits.balances.used does not run on this database.'],
    [{ from: '"Shop".wallet' }, 'credits.balances.from does not run on this database.'],
    [{ used: 'spent; DROP TABLE users' }, 'Invalid credits.balances.used'],
    [{ used: 'spent / (day - day)' }, 'An expression of credits.balances fails on a row'],
  ])('rejects %j with its place', async (change, message) => {
    const balances = { ...withBalances(wallets).balances, ...change };
    await expect(run({}, { ...wallets, balances })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(message),
    });
  });

  it('rejects holders that repeat an id', async () => {
    const from = '"Shop"."Account" a CROSS JOIN generate_series(1, 2)';
    await expect(run({}, { ...wallets, holders: { from, id: 'a.id' } })).rejects.toMatchObject({
      code: 'DECLARED.REPEATED',
    });
  });

  it('shows what to declare where nothing is', () => {
    expect(() => withBalances(undefined)).toThrow(
      expect.objectContaining({
        code: 'CREDITS.UNDECLARED',
        exitCode: 2,
        reason: expect.arrayContaining([expect.stringContaining('balances: {')]),
      }),
    );
  });
});

function line(row: Record<string, unknown>): string {
  const { holder, kind, granted, used, remaining, percent, allocation, daysLeft, state } = row;
  const reset = dayOf(new Date(String(row['reset'])));
  return `${holder} ${kind} ${granted}-${used}=${remaining} ${percent}% +${allocation} ${reset} ${daysLeft}d ${state}`;
}

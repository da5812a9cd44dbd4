import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { toJson } from '../../src/output/json.ts';
import { credits } from '../../src/reference/reports/credits.ts';
import type { CreditsRequest } from '../../src/reports/definition.ts';
import { dayOf } from '../../src/reports/period.ts';
import { runReport } from '../../src/reports/run.ts';
import { createDatabase, targets, type Database } from '../db/targets.ts';
import { applyMigrations, documentOf } from './database.ts';

const asOf = new Date('2026-11-20T12:00:00Z');

// The free and pro users of the seed documents, and one whom nothing has reset since October.
const fixture = `
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

describe.each(targets)('report credits on $name', (target) => {
  let database: Database;
  let session: Session;

  beforeAll(async () => {
    database = await createDatabase(target);
    session = await openSession(parseTarget(database.url), {
      application: 'dbops test',
      path: 'DEFAULT',
    });
    await applyMigrations(session);
    await session.script(fixture);
  });

  afterAll(async () => {
    await session.close();
    await database.drop();
  });

  const run = (request: Partial<CreditsRequest> = {}) =>
    runReport(session, credits, { asOf, ...request });

  it('lists the current rows by user and type', async () => {
    expect(documentOf(await run()).rows.map(line)).toEqual([
      'Pro@example.com free 2000-0=2000 0.0% +2000 2026-11-30 9d ok',
      'Pro@example.com pro 10000-10001=-1 100.0% +0 2026-12-20 29d over',
      'free@example.com free 2000-500=1500 25.0% +2000 2026-12-01 10d ok',
      'late@example.com free 0-0=0 null% +2000 2026-12-15 24d stale',
    ]);
  });

  it('reports stale from the end of the period on, not a millisecond before', async () => {
    const stateAt = async (instant: number) =>
      documentOf(await run({ user: 'late@example.com', asOf: new Date(instant) })).rows[0]?.[
        'state'
      ];
    expect(await stateAt(asOf.getTime())).toBe('stale');
    expect(await stateAt(asOf.getTime() - 1)).toBe('ok');
  });

  it('sums the figures and counts stale and over', async () => {
    const expected = {
      rows: 4,
      granted: 14_000,
      used: 10_501,
      remaining: 3_499,
      stale: 1,
      over: 1,
    };
    expect(documentOf(await run()).totals).toEqual(expected);
  });

  it('exits with 4 for the states that are asked for', async () => {
    const exitCodeOf = async (request: Partial<CreditsRequest>) => (await run(request)).exitCode;
    expect(await exitCodeOf({})).toBe(0);
    expect(await exitCodeOf({ failOn: ['over'] })).toBe(4);
    expect(await exitCodeOf({ failOn: ['stale'], user: 'pro@example.com' })).toBe(0);
    expect(await exitCodeOf({ failOn: ['over', 'stale'], user: 'late@example.com' })).toBe(4);
  });

  it('finds a user in any case', async () => {
    expect(documentOf(await run({ user: 'PRO@example.com' })).rows).toHaveLength(2);
  });

  it('distinguishes a user without credits from an unknown one', async () => {
    expect(documentOf(await run({ user: 'none@example.com' })).rows).toEqual([]);
    await expect(run({ user: 'nobody@example.com' })).rejects.toMatchObject({
      code: 'REPORT.USER',
      exitCode: 2,
    });
  });

  it('returns the same figures in another session time zone', async () => {
    const before = toJson((await run()).data);
    await session.script(`SET TimeZone = 'America/Los_Angeles'`);
    expect(toJson((await run()).data)).toBe(before);
    await session.script('RESET TimeZone');
  });
});

function line(row: Record<string, unknown>): string {
  const { user, type, granted, used, remaining, percent, allocation, daysLeft, state } = row;
  const reset = dayOf(new Date(String(row['reset'])));
  return `${user} ${type} ${granted}-${used}=${remaining} ${percent}% +${allocation} ${reset} ${daysLeft}d ${state}`;
}

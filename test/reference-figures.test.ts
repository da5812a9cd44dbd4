// Every figure of the reports, worked out by hand from the rows that `dbops seed` makes, beside a
// second opinion: plain SQL over the same rows that shares nothing with src/reports.

import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { runCli } from './cli/run-cli.ts';
import { createDatabase, targets, type Database } from './db/targets.ts';
import { withSession } from './db/session.ts';

/** Of one feature: used, limit, percent, state. */
const figure = z.tuple([z.number(), z.number(), z.string(), z.string()]);

type Usage = Record<string, Record<string, z.infer<typeof figure>>>;

/** In the month of the seed. Limits: the plan pro for the team, free for the workspaces. */
const thisMonth: Usage = {
  'Acme Studio': {
    // 5 rows of the month before + 7 of this one = 12 of 10,000 = 0.12 %
    max_records: [12, 10_000, '0.1', 'ok'],
    // 28 events × 3,000 = 84,000 of 100,000 = 84.0 %, which is 80 % or more
    max_api_calls_per_month: [84_000, 100_000, '84.0', 'warn'],
    // 18 runs of welcome-mail, weekly-digest and invoice-reminder = 3 of 50 = 6.0 %
    max_automations: [3, 50, '6.0', 'ok'],
    // levels 25, 27, 29, 31: the last one = 31 of 50 = 62.0 %
    max_storage_gb: [31, 50, '62.0', 'ok'],
    // 20 events of pro and free in turn, 2 of nobody = 2 users of 5,000 = 0.04 %
    max_mau: [2, 5_000, '0.0', 'ok'],
    // digest, invoice, export = 3 of 100 = 3.0 %
    max_schedules: [3, 100, '3.0', 'ok'],
    // 28 events × 40,000 = 1,120,000 of 1,000,000 = 112.0 %
    max_ai_tokens_per_month: [1_120_000, 1_000_000, '112.0', 'over'],
    // the owner pro and the member free = 2 of 5 = 40.0 %
    max_seats: [2, 5, '40.0', 'ok'],
  },
  "Free User's workspace": {
    max_records: [0, 100, '0.0', 'ok'],
    // 23 events × 50 = 1,150 of 1,000 = 115.0 %
    max_api_calls_per_month: [1_150, 1_000, '115.0', 'over'],
    max_automations: [0, 3, '0.0', 'ok'],
    max_storage_gb: [0, 1, '0.0', 'ok'],
    // 4 events of free = 1 user of 100 = 1.0 %
    max_mau: [1, 100, '1.0', 'ok'],
    max_schedules: [0, 5, '0.0', 'ok'],
    max_ai_tokens_per_month: [0, 10_000, '0.0', 'ok'],
    // free alone = 1 of 1 = 100.0 %: full, but not over
    max_seats: [1, 1, '100.0', 'warn'],
  },
  "Pro User's workspace": {
    max_records: [0, 100, '0.0', 'ok'],
    max_api_calls_per_month: [0, 1_000, '0.0', 'ok'],
    max_automations: [0, 3, '0.0', 'ok'],
    max_storage_gb: [0, 1, '0.0', 'ok'],
    max_mau: [0, 100, '0.0', 'ok'],
    max_schedules: [0, 5, '0.0', 'ok'],
    max_ai_tokens_per_month: [0, 10_000, '0.0', 'ok'],
    // pro alone = 1 of 1 = 100.0 %; the seat at Acme Studio counts there
    max_seats: [1, 1, '100.0', 'warn'],
  },
};

/** In the month before. Records, schedules and seats are those of now, whatever the period. */
const monthBefore: Usage = {
  'Acme Studio': {
    ...thisMonth['Acme Studio'],
    // 30 events × 2,500 = 75,000 of 100,000 = 75.0 %
    max_api_calls_per_month: [75_000, 100_000, '75.0', 'ok'],
    // 20 runs of the same three automations = 3 of 50 = 6.0 %
    max_automations: [3, 50, '6.0', 'ok'],
    // levels 20, 21, 22, 23: the last one before the month ends = 23 of 50 = 46.0 %
    max_storage_gb: [23, 50, '46.0', 'ok'],
    // 15 events of pro = 1 user of 5,000 = 0.02 %
    max_mau: [1, 5_000, '0.0', 'ok'],
    // 30 events × 20,000 = 600,000 of 1,000,000 = 60.0 %
    max_ai_tokens_per_month: [600_000, 1_000_000, '60.0', 'ok'],
  },
  "Free User's workspace": {
    ...thisMonth["Free User's workspace"],
    // 12 events × 50 = 600 of 1,000 = 60.0 %
    max_api_calls_per_month: [600, 1_000, '60.0', 'ok'],
    max_mau: [0, 100, '0.0', 'ok'],
  },
  "Pro User's workspace": { ...thisMonth["Pro User's workspace"] },
};

/** Before any period that a seed makes, so that no row is stale; and in a leap year. */
const creditsAsOf = '2024-02-15T12:00:00Z';

// The reset on day 1 after 15 February 12:00 is 1 March. 14.5 days, half of the 15th and 14 days
// from the 16th to the 29th, are 14 whole days.
const next = { reset: '2024-03-01T00:00:00.000Z', daysLeft: 14 };

const credits = [
  {
    holder: 'free@example.com',
    kind: 'free',
    // 2,000 − 500 = 1,500; 500 of 2,000 = 25.0 %
    granted: 2_000,
    used: 500,
    remaining: 1_500,
    percent: '25.0',
    ...next,
  },
  {
    holder: 'pro@example.com',
    kind: 'free',
    // 2,000 − 0 = 2,000; 0 of 2,000 = 0.0 %
    granted: 2_000,
    used: 0,
    remaining: 2_000,
    percent: '0.0',
    ...next,
  },
  {
    holder: 'pro@example.com',
    kind: 'pro',
    // 10,000 − 5,000 = 5,000; 5,000 of the 10,000 granted = 50.0 %, though none is allocated
    granted: 10_000,
    used: 5_000,
    remaining: 5_000,
    percent: '50.0',
    ...next,
  },
];

/** All figures of the usage in `[$1, $2)`, from the rows. */
const usageBySql = `
  WITH events AS (
    SELECT * FROM usage_events WHERE occurred_at >= $1 AND occurred_at < $2
  ), used (organization_id, feature, used) AS (
    SELECT organization_id, 'max_records', count(*) FROM records GROUP BY 1
    UNION ALL
    SELECT organization_id, 'max_schedules', count(*) FROM schedules GROUP BY 1
    UNION ALL
    SELECT organization_id, 'max_seats', count(*) FROM organization_members GROUP BY 1
    UNION ALL
    SELECT organization_id, 'max_api_calls_per_month', sum(quantity) FROM events
     WHERE event_type = 'api_call' GROUP BY 1
    UNION ALL
    SELECT organization_id, 'max_ai_tokens_per_month', sum(quantity) FROM events
     WHERE event_type = 'ai_tokens_used' GROUP BY 1
    UNION ALL
    SELECT organization_id, 'max_mau', count(DISTINCT user_id) FROM events
     WHERE event_type = 'user_active' GROUP BY 1
    UNION ALL
    SELECT organization_id, 'max_automations', count(DISTINCT metadata ->> 'automation_id')
      FROM events WHERE event_type = 'automation_run' GROUP BY 1
    UNION ALL
    (SELECT DISTINCT ON (organization_id) organization_id, 'max_storage_gb', quantity
       FROM usage_events WHERE event_type = 'storage_used' AND occurred_at < $2
      ORDER BY organization_id, occurred_at DESC)
  ), line AS (
    SELECT o.name AS subject, f.feature_key AS meter, f.limit_value::int AS limit,
           coalesce(u.used, 0)::int AS used
      FROM organizations o
      JOIN org_subscriptions s ON s.organization_id = o.id AND s.status = 'active'
      JOIN plan_features f ON f.plan = s.plan AND f.feature_key <> 'features'
      LEFT JOIN used u ON u.organization_id = o.id AND u.feature = f.feature_key
  )
  SELECT *, round(100.0 * used / "limit", 1)::text AS percent,
         CASE WHEN used > "limit" THEN 'over' WHEN used >= 0.8 * "limit" THEN 'warn'
              ELSE 'ok' END AS state
    FROM line`;

/** All figures of the credits as of `$1`, from the rows; every reset is on the first of a month. */
const creditsBySql = `
  WITH line AS (
    SELECT u.email AS holder, c.credit_type AS kind, total_credits AS granted,
           used_credits AS used, remaining_credits AS remaining,
           (date_trunc('month', $1::timestamptz, 'UTC') AT TIME ZONE 'UTC' + interval '1 month')
             AT TIME ZONE 'UTC' AS reset
      FROM credits c JOIN users u ON u.id = c.user_id
     WHERE is_current AND reset_day_of_month = 1
  )
  SELECT *, round(100.0 * used / granted, 1)::text AS percent,
         floor(extract(epoch FROM reset - $1::timestamptz) / 86400)::int AS "daysLeft"
    FROM line ORDER BY 1, 2`;

const usageLine = z.object({
  subject: z.string(),
  meter: z.string(),
  used: z.number(),
  limit: z.number(),
  percent: z.string(),
  state: z.string(),
});

const report = z.object({ rows: z.array(z.unknown()), totals: z.record(z.string(), z.unknown()) });

/** Lines of a report, or of the SQL, in the shape of the figures above. */
function bySubject(rows: unknown): Usage {
  const found: Usage = {};
  for (const { subject, meter, ...line } of z.array(usageLine).parse(rows)) {
    const figures = (found[subject] ??= {});
    figures[meter] = [line.used, line.limit, line.percent, line.state];
  }
  return found;
}

/** A half-open month of UTC. */
interface Month {
  from: Date;
  to: Date;
}

describe.each(targets)('an empty database on $name, migrated and seeded', (target) => {
  let database: Database;
  let first: unknown;
  /** The month in which the seed ran, which may be over by now, and the one before it. */
  let seeded: { current: Month; previous: Month };

  /** Runs a command that must end with 0. */
  async function dbops(words: string): Promise<string> {
    const { exitCode, stdout, stderr } = await runCli(
      [...words.split(' '), '--database-url', database.url],
      { cwd: resolve(import.meta.dirname, '..') },
    );
    if (exitCode !== 0) throw new Error(`dbops ${words} ended with ${exitCode}:\n${stderr}`);
    return stdout;
  }

  const query = (sql: string, values?: unknown[]) =>
    withSession(database.url, (session) => session.query(sql, values));

  /** The whole month, also what of it lies ahead: the events end where the seed's clock stood. */
  async function usageIn({ from, to }: Month) {
    const period = `--period ${from.toISOString().slice(0, 7)} --as-of ${to.toISOString()}`;
    return report.parse(JSON.parse(await dbops(`report usage ${period} --json`)));
  }

  beforeAll(async () => {
    database = await createDatabase(target);
    await dbops('migrate up');
    first = JSON.parse(await dbops('seed --json'));
    await dbops('verify');
    const [row] = await query(
      `SELECT current_period_start AS "from", current_period_end AS "to"
         FROM org_subscriptions WHERE stripe_subscription_id = 'sub_test_acme'`,
    );
    const { from, to } = z.object({ from: z.date(), to: z.date() }).parse(row);
    const before = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() - 1));
    seeded = { current: { from, to }, previous: { from: before, to: from } };
  });

  afterAll(() => database.drop());

  it('has the rows that are documented', async () => {
    expect(first).toMatchObject({
      created: {
        oauth_clients: 1,
        llm_models: 3,
        users: 2,
        subscriptions: 2,
        credits: 3,
        user_preferences: 2,
        organizations: 1,
      },
      updated: {},
      unchanged: { plan_features: 36 },
    });
    expect(await query('SELECT email FROM users ORDER BY 1')).toEqual([
      { email: 'free@example.com' },
      { email: 'pro@example.com' },
    ]);
  });

  it('has this usage', async () => {
    const { rows, totals } = await usageIn(seeded.current);
    expect(bySubject(rows)).toEqual(thisMonth);
    // 3 organizations × 8 features = 24 = 19 ok + 3 warn + 2 over
    expect(totals).toMatchObject({ subjects: 3, lines: 24, ok: 19, warn: 3, over: 2 });
    expect(rows).toContainEqual(
      expect.objectContaining({ subject: 'Acme Studio', meter: 'max_mau', uncounted: 2 }),
    );
  });

  it('has this usage in the month before', async () => {
    const { rows, totals } = await usageIn(seeded.previous);
    expect(bySubject(rows)).toEqual(monthBefore);
    // the two workspaces whose one seat is taken are all that is left of 3 warn and 2 over
    expect(totals).toMatchObject({ subjects: 3, lines: 24, ok: 22, warn: 2, over: 0 });
  });

  it('has the usage that plain SQL finds in its rows', async () => {
    const { current, previous } = seeded;
    const found = await query(usageBySql, [current.from, current.to]);
    expect(bySubject(found)).toEqual(thisMonth);
    const before = await query(usageBySql, [previous.from, previous.to]);
    expect(bySubject(before)).toEqual(monthBefore);
  });

  it('has these credits, as plain SQL finds them in its rows', async () => {
    const answer = await dbops(`report credits --as-of ${creditsAsOf} --json`);
    const { rows, totals } = report.parse(JSON.parse(answer));
    expect(rows).toEqual(credits.map((row) => expect.objectContaining({ ...row, state: 'ok' })));
    // 2,000 + 2,000 + 10,000 granted − (500 + 0 + 5,000) used = 8,500
    expect(totals).toEqual({
      rows: 3,
      granted: 14_000,
      used: 5_500,
      remaining: 8_500,
      stale: 0,
      over: 0,
    });
    const found = await query(creditsBySql, [creditsAsOf]);
    expect(found).toEqual(credits.map((row) => ({ ...row, reset: new Date(row.reset) })));
  });

  it('answers for now by default', async () => {
    const usage = report.parse(JSON.parse(await dbops('report usage --json')));
    expect(usage.rows).toHaveLength(24);
    const found = report.parse(JSON.parse(await dbops('report credits --json')));
    expect(found.rows).toHaveLength(3);
  });

  it('stays as it is when it is seeded again', async () => {
    expect(await dbops('seed')).toMatch(/^✓ 0 created, 0 updated, \d+ unchanged$/m);
  });
});

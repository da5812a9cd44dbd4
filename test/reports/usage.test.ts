import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { toJson } from '../../src/output/json.ts';
import { parseMonth } from '../../src/reports/period.ts';
import { usageOf } from '../../src/reference/usage.ts';
import { reportUsage } from '../../src/reports/usage/run.ts';
import type { UsageRequest } from '../../src/reports/usage/windows.ts';
import { createDatabase, targets, type Database } from '../db/targets.ts';
import { applyMigrations, documentOf } from './database.ts';
import { insertUsage } from './usage-fixture.ts';

const november = parseMonth('2026-11');
const asOf = new Date('2026-12-05T12:00:00Z');

describe.each(targets)('report usage of the bundled application on $name', (target) => {
  let database: Database;
  let session: Session;

  beforeAll(async () => {
    database = await createDatabase(target);
    session = await openSession(parseTarget(database.url), {
      application: 'dbops test',
      path: 'DEFAULT',
    });
    await applyMigrations(session);
    await insertUsage(session);
  });

  afterAll(async () => {
    await session.close();
    await database.drop();
  });

  const run = (request: Partial<UsageRequest> = {}, planStatuses = ['active']) =>
    reportUsage(session, usageOf(planStatuses), {
      asOf,
      now: asOf,
      period: november,
      ...request,
    });

  /** `feature: used/limit percent state` of one organization. */
  async function linesOf(subject: string, request: Partial<UsageRequest> = {}) {
    const { rows } = documentOf(await run({ subject, ...request }));
    return rows.map(line);
  }

  it('uses the measure of each feature', async () => {
    expect(await linesOf('acme')).toEqual([
      'pro max_records 2/10000 0.0 ok',
      'pro max_api_calls_per_month 1020/100000 1.0 ok',
      'pro max_automations 2/50 4.0 ok',
      'pro max_storage_gb 20/50 40.0 ok',
      'pro max_mau 2/5000 0.0 ok',
      'pro max_schedules 2/100 2.0 ok',
      'pro max_ai_tokens_per_month 800000/1000000 80.0 warn',
      'pro max_seats 4/5 80.0 warn',
    ]);
  });

  it('counts events of the UTC month before as-of', async () => {
    const at = (instant: string) =>
      linesOf('acme', {
        period: undefined,
        asOf: new Date(instant),
        meter: 'max_api_calls_per_month',
      });
    expect(await at('2026-11-01T00:00:00Z')).toEqual([
      'pro max_api_calls_per_month 0/100000 0.0 ok',
    ]);
    expect(await at('2026-11-20T00:00:00Z')).toEqual([
      'pro max_api_calls_per_month 1000/100000 1.0 ok',
    ]);
    expect(await at('2026-12-05T00:00:00Z')).toEqual([
      'pro max_api_calls_per_month 7/100000 0.0 ok',
    ]);
  });

  it('never reports unlimited as over, and keeps every digit', async () => {
    const report = await run({ subject: 'atlas', meter: 'max_api_calls_per_month' });
    expect(documentOf(report).rows.map(line)).toEqual([
      'enterprise max_api_calls_per_month 18014398509481987/-1 null unlimited',
    ]);
    expect(toJson(report.data)).toContain('"used": 18014398509481987,');
  });

  it('distinguishes a limit of 0, no row and no value from unlimited', async () => {
    expect(await linesOf('birch')).toEqual([
      'business max_records 0/100000 0.0 ok',
      'business max_api_calls_per_month 0/1000000 0.0 ok',
      'business max_automations 0/0 null ok',
      'business max_storage_gb 0/500 0.0 ok',
      'business max_mau 0/null null no-limit-row',
      'business max_schedules 1/null null no-limit-row',
      'business max_ai_tokens_per_month 1/0 null over',
      'business max_seats 0/50 0.0 ok',
    ]);
  });

  it('reports over above the limit, not at it', async () => {
    const meter = 'max_records';
    expect(await linesOf('cedar', { meter })).toEqual(['free max_records 100/100 100.0 warn']);
    expect(await linesOf('elm', { meter })).toEqual(['free max_records 101/100 101.0 over']);
  });

  it('uses the last storage event, even of an earlier month', async () => {
    const meter = 'max_storage_gb';
    expect(await linesOf('cedar', { meter })).toEqual(['free max_storage_gb 1/1 100.0 warn']);
    const later = { meter, period: undefined } as const;
    expect(await linesOf('acme', later)).toEqual(['pro max_storage_gb 99/50 198.0 over']);
  });

  it('shows organizations without usage, and a cancelled subscription as free', async () => {
    const lines = await linesOf('delta');
    expect(lines).toHaveLength(8);
    expect(lines).toContain('free max_records 0/100 0.0 ok');
    expect(lines).toContain('free max_api_calls_per_month 0/1000 0.0 ok');
  });

  it('lists every organization once per feature, including personal ones, and counts the states', async () => {
    const { rows, totals } = documentOf(await run({ meter: 'max_records' }));
    expect(rows.map(({ subject }) => subject)).toEqual([
      'Acme',
      "Ann's workspace",
      'Atlas',
      'Birch',
      "Bob's workspace",
      'Cedar',
      "Cid's workspace",
      "Dee's workspace",
      'Delta',
      'Elm',
    ]);
    expect(totals).toEqual({
      subjects: 10,
      lines: 10,
      ok: 7,
      warn: 1,
      over: 1,
      unlimited: 1,
      'no-limit-row': 0,
    });
  });

  it('reports events that it cannot count', async () => {
    const { notes } = documentOf(await run());
    expect(notes).toContain('not counted, user_active events without a user: 2');
    expect(notes).toContain(
      'not counted, automation_run events without an automation_id in metadata: 1',
    );
    const { notes: others } = documentOf(await run({ subject: 'elm' }));
    expect(others.join()).not.toContain('not counted');
  });

  it('finds a subject by id or slug', async () => {
    const byId = await run({ subject: '00000000-0000-4000-8000-00000000000a' });
    expect(documentOf(byId).rows).toEqual(documentOf(await run({ subject: 'acme' })).rows);
    await expect(run({ subject: 'nobody' })).rejects.toMatchObject({
      code: 'REPORT.SUBJECT',
      exitCode: 2,
    });
  });

  it('returns the same figures in another session time zone', async () => {
    const before = toJson((await run()).data);
    await session.script(`SET TimeZone = 'Pacific/Auckland'`);
    expect(toJson((await run()).data)).toBe(before);
    await session.script('RESET TimeZone');
  });

  it('ignores the search_path', async () => {
    const before = toJson((await run()).data);
    await session.script('SET search_path = pg_catalog');
    expect(toJson((await run()).data)).toBe(before);
    await session.script('RESET search_path');
  });

  it('exits with 4 only with --fail-on over, and only when a figure is over', async () => {
    const exitCodeOf = async (request: Partial<UsageRequest>) => (await run(request)).exitCode;
    expect(await exitCodeOf({})).toBe(0);
    expect(await exitCodeOf({ failOn: ['over'] })).toBe(4);
    expect(await exitCodeOf({ failOn: ['over'], subject: 'acme' })).toBe(0);
  });

  it('applies the plan of the first configured status that an organization has', async () => {
    const planOf = async (subject: string, planStatuses?: string[]) =>
      documentOf(await run({ subject }, planStatuses)).rows[0]?.['plan'];
    expect(await planOf('delta')).toBe('free');
    expect(await planOf('delta', ['active', 'canceled'])).toBe('pro');
    expect(await planOf('acme', ['active', 'canceled'])).toBe('pro');
    expect(await planOf('acme', ['canceled', 'active'])).toBe('enterprise');
  });

  it('exits with 4 for a plan without a limit only where it is asked for', async () => {
    const exitCodeOf = async (request: Partial<UsageRequest>) => (await run(request)).exitCode;
    await session.script(`CREATE TABLE kept AS SELECT * FROM plan_features WHERE plan = 'business';
      DELETE FROM plan_features WHERE plan = 'business'`);
    expect(await exitCodeOf({ subject: 'birch', failOn: ['over'] })).toBe(0);
    expect(await exitCodeOf({ subject: 'birch', failOn: ['over', 'no-limit-row'] })).toBe(4);
    await session.script('INSERT INTO plan_features SELECT * FROM kept; DROP TABLE kept');
  });

  it('says when the plans are those of today and the period is another one', async () => {
    const notesAt = async (now: Date) => documentOf(await run({ now })).notes.join('\n');
    expect(await notesAt(asOf)).toContain('are those of today, not of the period');
    expect(await notesAt(new Date('2026-11-30T23:59:59Z'))).not.toContain('those of today');
  });

  it('prints the period half-open and in UTC', async () => {
    const { period } = documentOf(await run());
    expect(period).toEqual({ from: new Date('2026-11-01'), to: new Date('2026-12-01') });
  });

  it('stops for a role from whom row security hides rows', async () => {
    await session.script(`
      CREATE ROLE report_reader;
      GRANT USAGE ON SCHEMA public TO report_reader;
      GRANT SELECT ON ALL TABLES IN SCHEMA public TO report_reader;
      SET ROLE report_reader`);
    const answer = run().finally(() =>
      session.script('RESET ROLE; DROP OWNED BY report_reader; DROP ROLE report_reader'),
    );
    await expect(answer).rejects.toThrow('would be affected by row-level security');
    expect((await run()).exitCode).toBe(0);
  });
});

function line({ plan, meter, used, limit, percent, state }: Record<string, unknown>): string {
  return `${plan} ${meter} ${used}/${limit} ${percent} ${state}`;
}

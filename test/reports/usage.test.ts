import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toJson } from '../../src/output/json.ts';
import { parseMonth } from '../../src/reports/period.ts';
import type * as z from 'zod';
import type { DbopsError } from '../../src/errors.ts';
import { readOnly, type Session } from '../../src/db/session.ts';
import { issueLines } from '../../src/output/issues.ts';
import { speakPlainly } from '../../src/output/schema-messages.ts';
import { usageSchema } from '../../src/reports/usage/definition.ts';
import { missingMeterIndexes } from '../../src/reports/usage/indexes.ts';
import { usageOf } from '../../src/reference/usage.ts';
import { reportUsage } from '../../src/reports/usage/run.ts';
import type { UsageRequest } from '../../src/reports/usage/windows.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { targets } from '../db/targets.ts';
import { applyMigrations, documentOf } from './database.ts';
import { insertUsage } from './usage-fixture.ts';
import { ids, insertOwnSchemas, prismaUsage, workspaceUsage } from './usage-own-schema.ts';

type Declared = z.input<typeof usageSchema>;

const november = parseMonth('2026-11');
const asOf = new Date('2026-12-05T12:00:00Z');

describe.each(targets)('report usage of the bundled application on $name', (target) => {
  let database: OpenDatabase;
  let session: Session;

  beforeAll(async () => {
    database = await openDatabase(target);
    ({ session } = database);
    await applyMigrations(session);
    await insertUsage(session);
  });

  afterAll(() => database.end());

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

describe.each(targets)('report usage of declared schemas on $name', (target) => {
  let database: OpenDatabase;
  let session: Session;

  beforeAll(async () => {
    database = await openDatabase(target);
    ({ session } = database);
    await insertOwnSchemas(session);
  });

  afterAll(() => database.end());

  const run = (request: Partial<UsageRequest> = {}, declared: Declared = workspaceUsage) =>
    reportUsage(session, usageSchema.parse(declared), {
      asOf,
      now: asOf,
      period: november,
      ...request,
    });

  const linesOf = async (request: Partial<UsageRequest>, declared?: Declared) =>
    documentOf(await run(request, declared)).rows.map(line);

  it('computes every measure exactly, in half-open UTC months', async () => {
    expect(await linesOf({ subject: 'zebra' })).toEqual([
      // 2 × 9223372036854775807 of 9223372036854775808, beyond int8
      'pro tokens 18446744073709551614/9223372036854775808 200.0 over',
      'pro largest 9223372036854775807/9223372036854775808 100.0 warn',
      // keys 1 and 2 of user 7, and key 3 of nobody
      'pro users 1/null null no-limit-row',
      // the greater of two samples of one instant: 2.4 of 2.5 = 96.0 %
      'pro storage 2.4/2.5 96.0 warn',
      'pro seats 3/-1 null unlimited',
      // from 15 November to 5 December 12:00: the 20th, the 30th and 1 December
      'pro billed 3/null null no-limit-row',
      'pro billed-users 3/null null no-limit-row',
      // 30 November, the last day of the period
      'pro today 1/null null no-limit-row',
      'pro ever 4/null null no-limit-row',
    ]);
    expect(await linesOf({ subject: ids.adler })).toEqual([
      'free tokens 800/1000 80.0 warn',
      'free largest 800/1000 80.0 warn',
      'free users 1/null null no-limit-row',
      // the newest value is NULL, the one before it 0.5 of 0
      'free storage 0.5/0 null over',
      'free seats 2/2 100.0 warn',
      'free billed 2/null null no-limit-row',
      'free billed-users 1/null null no-limit-row',
      'free today 0/null null no-limit-row',
      'free ever 2/null null no-limit-row',
    ]);
  });

  it('lists subjects without events or a plan, without deleted ones, and notes what is not counted', async () => {
    const { rows, totals, notes } = documentOf(await run());
    expect(totals).toMatchObject({ subjects: 4, lines: 36 });
    expect([...new Set(rows.map(({ subjectId }) => subjectId))]).toEqual([
      ids.hostile,
      ids.idle,
      ids.zebra,
      ids.adler,
    ]);
    expect(rows.filter(({ subject }) => subject === 'Idle').map(({ used }) => used)).toEqual(
      Array(9).fill(0),
    );
    expect(notes.filter((note) => /^not counted|^not shown|^subjects without/.test(note))).toEqual([
      'not counted, tokens whose value is NULL or not a number: 1',
      'not counted, tokens without a subject: 2',
      'not shown, tokens of ids that usage.subjects does not have: 1',
      'not counted, largest whose value is NULL or not a number: 1',
      'not counted, largest without a subject: 2',
      'not shown, largest of ids that usage.subjects does not have: 1',
      'not counted, users without a value: 1',
      'not counted, users without a subject: 2',
      'not shown, users of ids that usage.subjects does not have: 1',
      'not counted, disk whose value is NULL or not a number: 1',
      'not counted, disk without a subject: 1',
      'not counted, billed without a subject: 2',
      'not counted, billed-users without a subject: 2',
      'not counted, ever without a subject: 2',
      'not shown, ever of ids that usage.subjects does not have: 1',
      'subjects without a billing period, measured in the period of the report: 3',
    ]);
  });

  it('ends every window at as-of, on leap days and in other time zones', async () => {
    const meter = 'tokens';
    const used = async (request: Partial<UsageRequest>) =>
      documentOf(await run({ meter, subject: 'adler', ...request })).rows[0]?.['used'];
    const february = parseMonth('2028-02');
    const later = new Date('2028-04-01');
    expect(await used({ period: february, asOf: later })).toBe(29);
    expect(await used({ period: february, asOf: new Date('2028-02-29') })).toBe(0);
    expect(await used({ period: parseMonth('2028-03'), asOf: later })).toBe(1);
    const before = toJson((await run()).data);
    await session.script("SET TimeZone = 'America/New_York'; SET DateStyle = 'SQL, DMY'");
    expect(toJson((await run()).data)).toBe(before);
    await session.script('RESET TimeZone; RESET DateStyle');
  });

  it('sums fractions exactly, and says where it cannot', async () => {
    const { rows, notes } = documentOf(await run({}, prismaUsage));
    expect(rows.map(line)).toEqual([
      'FREE units 0.3/0.3 100.0 warn',
      'FREE ratio 0.3/null null no-limit-row',
      'PRO units 0.3001/0.3 100.0 over',
      'PRO ratio 0/-1 null unlimited',
    ]);
    expect(rows.map(({ uncounted }) => uncounted)).toEqual([1, 1, 0, 1]);
    expect(notes).toContain(
      'ratio: a sum of floating-point numbers is rounded; use numeric for exact figures',
    );
  });

  it('returns the same latest value with and without an index, and names the index', async () => {
    const missing = () =>
      readOnly(session, () => missingMeterIndexes(session, usageSchema.parse(workspaceUsage)));
    const before = toJson((await run()).data);
    const statements = (await missing()).map(({ meter, statement }) => [meter, statement]);
    const calls = 'CREATE INDEX CONCURRENTLY ON metering.llm_call';
    expect(statements).toEqual([
      ['tokens', `${calls} (created_at) INCLUDE (workspace_id, ok, tokens)`],
      ['largest', `${calls} (created_at) INCLUDE (workspace_id, ok, tokens)`],
      ['users', `${calls} (created_at) INCLUDE (workspace_id, ok, tokens)`],
      ['storage', 'CREATE INDEX CONCURRENTLY ON metering.disk_sample (workspace_id, sampled_at)'],
      ['billed', `${calls} (workspace_id, created_at)`],
      ['billed-users', `${calls} (workspace_id, created_at)`],
      ['today', `${calls} (created_at) INCLUDE (workspace_id, ok, tokens)`],
    ]);
    for (const statement of new Set(statements.map(([, sql]) => sql)))
      await session.alone(statement ?? '');
    expect(await missing()).toEqual([]);
    expect(toJson((await run()).data)).toBe(before);
  });

  const { meters } = workspaceUsage;
  const changed = (change: object): Declared => ({
    ...workspaceUsage,
    meters: { tokens: { ...meters['tokens'], ...change } as Declared['meters'][string] },
  });

  const number = 'an integer, a numeric or a floating-point number';

  it.each<[what: string, declared: Declared, place: string, reason: string[]]>([
    [
      'a table that does not exist',
      changed({ from: 'metering.calls' }),
      'usage.meters.tokens.from',
      ['1 | metering.calls', '    ^', 'SQLSTATE 42P01: relation "metering.calls" does not exist'],
    ],
    [
      'a column that does not exist',
      changed({ measure: { sum: 'tokens + used' } }),
      'usage.meters.tokens.measure.sum',
      ['1 | tokens + used', '             ^', 'SQLSTATE 42703: column "used" does not exist'],
    ],
    [
      'a sum of text',
      changed({ from: 'core.member', measure: { sum: 'email' }, at: undefined, where: undefined }),
      'usage.meters.tokens.measure.sum',
      ['1 | email', '    ^', `SQLSTATE 42804: expected ${number}`],
    ],
    [
      'the maximum of a time',
      changed({ measure: { max: 'created_at' } }),
      'usage.meters.tokens.measure.max',
      ['1 | created_at', '    ^', `SQLSTATE 42804: expected ${number}`],
    ],
    [
      'a time that is a number',
      changed({ at: 'tokens' }),
      'usage.meters.tokens.at',
      ['1 | tokens', '    ^', 'SQLSTATE 42804: expected a date, a timestamp or a timestamptz'],
    ],
    [
      'a statement in an expression',
      changed({ measure: { sum: '1); DROP TABLE core.member; --' } }),
      'usage.meters.tokens.measure.sum',
      ['1); DROP TABLE core.member; --'],
    ],
    [
      'a statement after a table',
      changed({ from: 'metering.llm_call; DELETE FROM core.member' }),
      'usage.meters.tokens.from',
      ['metering.llm_call; DELETE FROM core.member'],
    ],
    [
      'a parameter',
      changed({ where: 'workspace_id = $1' }),
      'usage.meters.tokens.where',
      ['1 | workspace_id = $1', '                   ^', 'SQLSTATE 42P02: there is no parameter $1'],
    ],
    [
      'a value that fails in a row',
      changed({ measure: { sum: '1 / (tokens - 800)' } }),
      'usage.meters.tokens',
      ['1 / (tokens - 800)', 'SQLSTATE 22012: division by zero'],
    ],
    [
      'an aggregate',
      changed({ where: 'count(*) > 1' }),
      'usage.meters.tokens.where',
      ['1 | count(*) > 1', '    ^', 'SQLSTATE 42803: aggregate functions are not allowed in WHERE'],
    ],
  ])('rejects %s, by its place in the configuration', async (_, declared, place, reason) => {
    const error = await run({}, declared).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ exitCode: 2 });
    expect((error as DbopsError).reason.slice(0, reason.length)).toEqual(reason);
    expect(String(error)).toContain(place);
    expect(await session.query('SELECT count(*) FROM core.member')).toEqual([{ count: 5n }]);
  });

  it('rejects two limits of one plan and meter, a limit that is no number, and a subject of two rows', async () => {
    const limits = (from: string): Declared => ({
      ...workspaceUsage,
      limits: { from, plan: 'tier', meter: 'quota', value: 'amount' },
    });
    const doubled = limits(
      '(SELECT * FROM core.tier_quota UNION ALL SELECT * FROM core.tier_quota) q',
    );
    await expect(run({}, doubled)).rejects.toMatchObject({
      code: 'USAGE.LIMIT_TWICE',
      exitCode: 2,
      message: 'The table of limits has two rows for plan pro and meter tokens.',
    });
    const words = limits("(VALUES ('pro', 'tokens', 'many')) q (tier, quota, amount)");
    await expect(run({}, words)).rejects.toMatchObject({
      code: 'USAGE.LIMIT',
      message: 'The limit for plan pro and meter tokens is not a number: many',
    });
    const joined: Declared = {
      ...workspaceUsage,
      subjects: {
        from: 'core.workspace w JOIN core.member m ON m.workspace_id = w.id',
        id: 'w.id',
      },
      limits: { tokens: 5 },
      meters: { tokens: meters['tokens'] as Declared['meters'][string] },
    };
    await expect(run({}, joined)).rejects.toMatchObject({ code: 'USAGE.SUBJECT_TWICE' });
  });

  it('reads views, joins of schemas, and ids of other types', async () => {
    await session.script(`CREATE VIEW core.calls AS SELECT workspace_id::text AS space, created_at::date AS day FROM metering.llm_call WHERE ok;
      CREATE MATERIALIZED VIEW core.calls_kept AS SELECT * FROM core.calls`);
    const of = (from: string): Declared => ({
      ...workspaceUsage,
      limits: undefined,
      meters: { calls: { from, subject: 'space', at: 'day', measure: 'count' } },
    });
    for (const from of ['core.calls', 'core.calls_kept']) {
      expect(await linesOf({ subject: 'zebra' }, of(from))).toEqual([
        'pro calls 3/null null no-limit-row',
      ]);
      expect((await run({}, of(from))).exitCode).toBe(0);
      expect((await run({ failOn: ['no-limit-row'] }, of(from))).exitCode).toBe(4);
    }
  });
});

describe('usage of the configuration', () => {
  speakPlainly();
  const { meters } = workspaceUsage;
  it.each<[what: string, change: object, message: string]>([
    ['an unknown key', { subject: {} }, 'unknown key: subject'],
    [
      'two measures at once',
      { meters: { a: { from: 't', subject: 's', measure: { sum: 'a', max: 'b' } } } },
      'meters.a.measure: expected count, or an object with one of sum, max, unique and latest',
    ],
    [
      'a month of a level',
      { meters: { a: { from: 't', subject: 's', measure: 'count', period: 'month' } } },
      'meters.a.period: a meter without at is a level',
    ],
    ['no meters', { meters: {}, limits: undefined }, 'meters: expected at least one meter'],
    [
      'a limit of an unknown meter',
      { limits: { pro: { token: 5 } } },
      'limits.pro.token: expected the name of a meter: tokens, ',
    ],
    [
      'plans where subjects have none',
      {
        subjects: { from: 't', id: 'id' },
        limits: { pro: { tokens: 5 } },
        meters: { tokens: meters['tokens'] },
      },
      'limits.pro: is a plan, but subjects.plan is not declared',
    ],
    [
      'a billing period that no subject has',
      { subjects: { from: 't', id: 'id', plan: 'p' } },
      'meters.billed.period: expected subjects.billing with from and to',
    ],
    ['a limit that is no number', { limits: { tokens: 'many' } }, 'limits: expected a number'],
  ])('rejects %s', (_, change, message) => {
    const { error } = usageSchema.safeParse({ ...workspaceUsage, ...change });
    expect(error && issueLines(error).join('\n')).toContain(message);
  });
});

function line({ plan, meter, used, limit, percent, state }: Record<string, unknown>): string {
  return `${plan} ${meter} ${used}/${limit} ${percent} ${state}`;
}

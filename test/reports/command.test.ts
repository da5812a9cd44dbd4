import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli.ts';
import { folderOf } from '../cli/run-cli.ts';
import { app, createDatabase, newest, targets, type Database } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { applyMigrations } from './database.ts';

/** The folder of the bundled migrations, whose usage is declared. */
const bundled = join(import.meta.dirname, '..', '..');

interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs one command line against the database, on a stdout of `columns`, or a pipe. */
async function dbops(
  url: string,
  words: string[],
  columns?: number,
  cwd = bundled,
): Promise<Answer> {
  const answer = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => (answer[name] += text),
    isTTY: columns !== undefined,
    columns,
  });
  const code = await main([...words, '--database-url', url], {
    stdin: {},
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    environment: { NO_COLOR: '1' },
    cwd,
    signal: new AbortController().signal,
  });
  return { code, ...answer };
}

const fixture = `
  INSERT INTO users (id, email, name) VALUES
    ('ann', 'ann@example.com', 'Ann'), ('bob', 'bob@example.com', 'Bob');
  INSERT INTO organizations (name, owner_id, slug) VALUES
    (E'=HYPERLINK("x")\\u001b[31m', 'ann', 'strange');
  INSERT INTO org_subscriptions (organization_id, plan)
    SELECT id, 'pro' FROM organizations WHERE slug = 'strange';
  INSERT INTO usage_events (organization_id, event_type, quantity, occurred_at)
    SELECT id, 'api_call', 100001, '2026-11-01Z' FROM organizations WHERE slug = 'strange';
  INSERT INTO credits (user_id, total_credits, used_credits, billing_period_start, billing_period_end)
    VALUES ('ann', 2000, 500, '2026-11-01Z', '2026-12-01Z');
  INSERT INTO credit_transactions (user_id, type, status, amount, created_at)
    VALUES ('ann', 'purchase', 'completed', 5, '2026-11-03Z');`;

const usage = ['report', 'usage', '--period', '2026-11', '--as-of', '2026-11-20'];

const credits = ['report', 'credits', '--as-of', '2026-11-20'];

describe.each(targets)('dbops report on $name', (target) => {
  let database: Database;

  beforeAll(async () => {
    database = await createDatabase(target);
    await withSession(database.url, async (session) => {
      await applyMigrations(session);
      await session.script(fixture);
    });
  });

  afterAll(() => database.drop());

  it('returns the documented JSON, with its definitions', async () => {
    const words = [...usage, '--org', 'strange', '--feature', 'max_api_calls_per_month', '--json'];
    const { code, stdout } = await dbops(database.url, words);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      command: 'report usage',
      ok: true,
      title: 'Usage and limits',
      period: { from: '2026-11-01T00:00:00.000Z', to: '2026-12-01T00:00:00.000Z' },
      asOf: '2026-11-20T00:00:00.000Z',
      rows: [
        {
          subjectId: expect.any(String),
          slug: 'strange',
          plan: 'pro',
          meter: 'max_api_calls_per_month',
          label: 'API calls',
          used: 100_001,
          limit: 100_000,
          percent: '100.0',
          state: 'over',
          uncounted: 0,
        },
      ],
      totals: { subjects: 1, lines: 1, over: 1 },
      notes: expect.arrayContaining([expect.stringMatching(/^API calls: /)]),
    });
  });

  it('prints what is not counted, also without --explain', async () => {
    await withSession(database.url, (session) =>
      session.script(`INSERT INTO usage_events (organization_id, event_type, quantity, occurred_at)
        SELECT id, 'user_active', 1, '2026-11-02Z' FROM organizations WHERE slug = 'strange'`),
    );
    const { stdout } = await dbops(database.url, [...usage, '--subject', 'strange']);
    expect(stdout).toContain('\nnot counted, user_active events without a user: 1\n');
    expect(stdout).not.toContain('no-limit-row:');
  });

  it('exits with 4 for --fail-on over', async () => {
    expect((await dbops(database.url, [...usage, '--fail-on', 'over'])).code).toBe(4);
  });

  it('strips control characters from the table, which fits 80 columns', async () => {
    const { stdout } = await dbops(database.url, [...usage, '--explain'], 80);
    expect(stdout).toContain('=HYPERLINK');
    // oxlint-disable-next-line no-control-regex -- the control is what is looked for
    expect(stdout).not.toMatch(/\u001b/);
    const rows = stdout.split('\n');
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(80);
  });

  it('draws a bar beside the percentage only where the terminal is wide enough', async () => {
    const words = [...usage, '--subject', 'strange'];
    const lineOf = async (columns?: number) =>
      (await dbops(database.url, words, columns)).stdout
        .split('\n')
        .find((line) => line.includes('API calls'));
    expect(await lineOf(120)).toMatch(/100,000  ██████████  100\.0  over$/);
    expect(await lineOf(78)).not.toContain('█');
    expect(await lineOf()).not.toContain('█');
  });

  it('escapes formulas in CSV', async () => {
    const words = [...usage, '--subject', 'strange', '--meter', 'max_seats', '--csv'];
    const { stdout } = await dbops(database.url, words);
    expect(stdout.split('\r\n')[0]).toBe('subject,plan,meter,used,limit,percent,state');
    expect(stdout.split('\r\n')[1]).toMatch(/^"'=HYPERLINK\(""x""\).*",pro,max_seats,0,5,0\.0,ok$/);
  });

  it('prints definitions with --explain only, within 80 columns', async () => {
    expect((await dbops(database.url, credits, 80)).stdout).not.toContain('stale: ');
    const { code, stdout } = await dbops(database.url, [...credits, '--explain'], 80);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ann@example\.com +free +2,000 +500 +1,500 +25\.0 +2,000/);
    expect(stdout).toContain('stale: ');
    expect(Math.max(...stdout.split('\n').map((row) => row.length))).toBeLessThanOrEqual(80);
    expect(stdout).toContain('rows: 1 (2,000 granted, 500 used, 1,500 left; 0 stale, 0 over)');
  });

  it('exits with 4 for a balance that is not the sum of its ledger', async () => {
    const { code, stdout } = await dbops(database.url, ['report', 'reconcile'], 100);
    expect(code).toBe(4);
    // 0 − 5 = −5: the purchase is not in the balance
    expect(stdout).toMatch(/^ann@example\.com +0 +5 +-5 +[0-9a-f-]{36}$/m);
    expect(stdout).toContain('2 balances compared, 1 differ');
    const words = ['report', 'ledger', '--period', '2026-11', '--csv'];
    expect((await dbops(database.url, words)).stdout).toBe(
      'holder,opening,in,out,closing,entries\r\nann@example.com,0,5,0,5,1\r\n',
    );
  });

  it('reads what the configuration of a project declares, and shows what to declare', async () => {
    const holders = { from: 'users', id: 'id', name: 'name' };
    const balances = { from: 'credits', holder: 'user_id', granted: '7', used: '8' };
    const cwd = folderOf({
      'dbops.config.json': JSON.stringify({ credits: { holders, balances } }),
    });
    const found = await dbops(database.url, ['report', 'credits', '--fail-on', 'over'], 80, cwd);
    expect(found).toMatchObject({ code: 4, stdout: expect.stringMatching(/^Ann +7 +8 +-1/m) });
    const { code, stdout, stderr } = await dbops(database.url, ['report', 'ledger'], 80, cwd);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('credits.ledger is not declared.');
    expect(stderr).toContain('holders: { from:');
    expect(stderr).toContain('docs/report.md');
  });

  it('prints that there are no rows and succeeds', async () => {
    const words = [...credits, '--user', 'BOB@example.com'];
    const { code, stdout } = await dbops(database.url, words, 80);
    expect(code).toBe(0);
    expect(stdout).toContain('(no rows)');
  });
});

describe('dbops report with invalid options', () => {
  it.each([
    [['usage', '--period', '2026-13'], '--period: expected a month'],
    [['usage', '--feature', 'features'], '--meter: expected one of max_records'],
    [['usage', '--fail-on', 'warn'], '--fail-on: expected over'],
    [['usage', '--as-of', '2026-02-30'], '--as-of: expected a time'],
    [['credits', '--as-of', '2026-11-20T12:00:00'], '--as-of: expected a time'],
  ])('rejects %j before it connects', async (words, message) => {
    const { code, stderr } = await dbops('postgres://nobody@127.0.0.1:1/none', [
      'report',
      ...words,
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe('dbops report usage of a team', () => {
  const nowhere = 'postgres://nobody@127.0.0.1:1/none';
  const inFolder = (config?: object) =>
    dbops(
      nowhere,
      ['report', 'usage'],
      undefined,
      folderOf({
        'migrations/0001_a.up.sql': 'SELECT 1;',
        ...(config && { 'dbops.config.json': JSON.stringify(config) }),
      }),
    );

  it('says what to declare where nothing is declared, before it connects', async () => {
    const { code, stdout, stderr } = await inFolder();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('The configuration declares no usage.');
    expect(stderr).toContain("meters: { calls: { from: 'api_calls'");
    expect(stderr).not.toMatch(/✓|migrate up/);
  });

  it('lists every problem of the declaration', async () => {
    const meter = { from: 't', subject: 's' };
    const { code, stderr } = await inFolder({
      usage: {
        subjects: { form: 't', id: 'id' },
        meters: {
          a: { ...meter, measure: { sum: 'x', max: 'y' } },
          b: { ...meter, measure: 'mean' },
        },
      },
    });
    expect(code).toBe(2);
    for (const line of [
      'usage.subjects: unknown key: form',
      'usage.subjects.from: expected text, found nothing',
      'usage.meters.a.measure: expected count, or an object with one of',
      'usage.meters.b.measure: expected count, or an object with one of',
    ])
      expect(stderr).toContain(line);
  });
});

/** One row at each side of the start and of the end of November 2026 in UTC, with a zone and without. */
const november = `
  CREATE TABLE workspace (id int PRIMARY KEY);
  INSERT INTO workspace VALUES (1);
  CREATE TABLE event (workspace_id int, n int, at timestamptz, plain timestamp GENERATED ALWAYS AS (at AT TIME ZONE 'UTC') STORED);
  INSERT INTO event VALUES (1, 1, '2026-10-31 23:59:59.999999Z'), (1, 10, '2026-11-01 00:00Z'),
    (1, 100, '2026-11-30 23:59:59.999999Z'), (1, 1000, '2026-12-01 00:00Z');
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO app;`;

const measured = (at: string) => ({
  from: 'event',
  subject: 'workspace_id',
  at,
  measure: { sum: 'n' },
});
const holders = { from: 'workspace', id: 'id' };
const declaredOf = (at: string) => ({
  usage: { subjects: holders, meters: { zoned: measured('at'), plain: measured('plain') } },
  credits: { holders, ledger: { from: 'event', holder: 'workspace_id', at, amount: 'n' } },
});

describe.each(newest)('dbops report for another role on $name', (server) => {
  let database: Database;
  const run = (words: string, at = 'at') => {
    const cwd = folderOf({ 'dbops.config.json': JSON.stringify(declaredOf(at)) });
    return dbops(
      asApp(database.url),
      [...words.split(' '), '--period', '2026-11', '--as-of', '2026-12-15'],
      undefined,
      cwd,
    );
  };
  const asApp = (url: string) =>
    Object.assign(new URL(url), { username: app.user, password: app.password }).href;

  beforeAll(async () => {
    database = await createDatabase(server);
    await withSession(database.url, async (session) => {
      await session.script(november);
      // Of this database alone: other tests use the role as well.
      await session.script(
        `ALTER ROLE app IN DATABASE ${new URL(database.url).pathname.slice(1)} SET TimeZone = 'Pacific/Auckland'`,
      );
    });
  });
  afterAll(() => database.drop());

  it('counts in UTC whatever the TimeZone of the role', async () => {
    const { stdout } = await run('report usage --csv');
    expect(stdout).toBe(
      'subject,meter,used,limit,percent,state\r\n1,zoned,110,,,no-limit-row\r\n1,plain,110,,,no-limit-row\r\n',
    );
    for (const at of ['at', 'plain'])
      expect((await run('report ledger --csv', at)).stdout).toBe(
        'holder,opening,in,out,closing,entries\r\n1,1,110,0,111,2\r\n',
      );
  });

  it('prints no figures when row-level security hides rows', async () => {
    await withSession(database.url, (session) =>
      session.script('ALTER TABLE event ENABLE ROW LEVEL SECURITY'),
    );
    for (const words of ['report usage', 'report usage --json', 'report ledger']) {
      const { code, stdout, stderr } = await run(words);
      expect({ words, code }).toEqual({ words, code: 3 });
      expect(stdout + stderr).toContain('DATABASE.ROW_SECURITY');
      expect(stdout).not.toContain('110');
    }
  });
});

// Computes the usage of a month in which a table got millions of events: `dbops report usage` beside SQL that
// is written by hand for the same figures. Run with `node bench/usage.ts`.
import { parseArgs } from 'node:util';
import { readOnly, openSession, type Session } from '../src/db/session.ts';
import { parseTarget } from '../src/db/target.ts';
import { usageSchema } from '../src/reports/usage/definition.ts';
import { missingMeterIndexes } from '../src/reports/usage/indexes.ts';
import { reportUsage } from '../src/reports/usage/run.ts';
import { median } from './measure.ts';
import { onNewServer } from './server.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '20000000' },
    subjects: { type: 'string', default: '2000,20000' },
    rounds: { type: 'string', default: '7' },
  },
});
const rounds = Number(values.rounds);

const events = { from: 'event', subject: 'workspace_id', at: 'created_at' };

const usage = usageSchema.parse({
  subjects: { from: 'workspace', id: 'id', name: 'title', plan: 'tier' },
  limits: { from: 'quota', plan: 'tier', meter: 'meter', value: 'amount' },
  meters: {
    calls: { ...events, where: "kind = 'call'", measure: 'count' },
    tokens: { ...events, where: "kind = 'call'", measure: { sum: 'tokens' } },
    users: { ...events, where: "kind = 'call'", measure: { unique: 'user_id' } },
    errors: { ...events, where: "kind = 'error'", measure: 'count' },
    storage: { ...events, where: "kind = 'storage'", measure: { latest: 'bytes' } },
  },
});

/** Of 100 events, 80 are calls of up to 200 users of a workspace, 10 errors and 10 samples of its storage. */
function schema(rows: number, subjects: number): string[] {
  return [
    'CREATE TABLE workspace (id int PRIMARY KEY, title text NOT NULL, tier text NOT NULL)',
    'CREATE TABLE quota (tier text, meter text, amount bigint, PRIMARY KEY (tier, meter))',
    `CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY, workspace_id int NOT NULL, kind text NOT NULL,
       user_id int, tokens int NOT NULL, bytes bigint NOT NULL, created_at timestamptz NOT NULL)`,
    `INSERT INTO workspace SELECT n, 'Workspace ' || n, CASE n % 3 WHEN 0 THEN 'pro' ELSE 'free' END FROM generate_series(1, ${subjects}) n`,
    `INSERT INTO quota SELECT t, m, ${Math.ceil(rows / subjects)} FROM unnest(ARRAY['free', 'pro']) t, unnest(ARRAY['calls', 'tokens', 'users', 'errors', 'storage']) m`,
    `INSERT INTO event (workspace_id, kind, user_id, tokens, bytes, created_at)
       SELECT 1 + (hashint8(n) & 2147483647) % ${subjects},
              CASE n % 10 WHEN 0 THEN 'storage' WHEN 1 THEN 'error' ELSE 'call' END,
              CASE WHEN n % 97 > 0 THEN (hashint8(n + 1) & 2147483647) % 200 END,
              (hashint8(n + 2) & 2147483647) % 4000, n * 1000,
              timestamptz '2026-10-01Z' + n * (interval '31 days' / ${rows})
         FROM generate_series(0::bigint, ${rows - 1}) n`,
    'VACUUM (ANALYZE) event',
    'ANALYZE workspace',
  ];
}

const window = `created_at >= '2026-10-01Z' AND created_at < '2026-11-01Z'`;

const latest = `SELECT w.id, e.bytes FROM workspace w CROSS JOIN LATERAL (
  SELECT bytes FROM event WHERE workspace_id = w.id AND kind = 'storage' AND created_at < '2026-11-01Z'
   ORDER BY created_at DESC LIMIT 1) e`;

const users = `SELECT workspace_id AS id, count(user_id) AS users FROM (
  SELECT workspace_id, user_id FROM event WHERE kind = 'call' AND ${window} GROUP BY 1, 2) u GROUP BY 1`;

/** The same figures for each workspace and meter, with its limit. */
function joined(ctes: string): string {
  return `WITH ${ctes} SELECT w.id, w.title, w.tier, m.meter, m.used, q.amount
    FROM workspace w LEFT JOIN counted c ON c.id = w.id LEFT JOIN distinct_users u ON u.id = w.id
    LEFT JOIN errors r ON r.id = w.id LEFT JOIN latest l ON l.id = w.id
    CROSS JOIN LATERAL (VALUES ('calls', coalesce(c.calls, 0)), ('tokens', coalesce(c.tokens, 0)), ('users', coalesce(u.users, 0)),
      ('errors', coalesce(r.errors, 0)), ('storage', coalesce(l.bytes, 0))) AS m (meter, used)
    LEFT JOIN quota q ON q.tier = w.tier AND q.meter = m.meter ORDER BY w.title`;
}

/** The best of these is what dbops is compared with. */
const byHand: Record<string, string> = {
  'by hand, each meter by its index': joined(`
    counted AS (SELECT workspace_id AS id, count(*) AS calls, sum(tokens) AS tokens FROM event WHERE kind = 'call' AND ${window} GROUP BY 1),
    errors AS (SELECT workspace_id AS id, count(*) AS errors FROM event WHERE kind = 'error' AND ${window} GROUP BY 1),
    distinct_users AS (${users}), latest AS (${latest})`),
  'by hand, one scan with FILTER': joined(`
    counted AS MATERIALIZED (SELECT workspace_id AS id, count(*) FILTER (WHERE kind = 'call') AS calls, sum(tokens) FILTER (WHERE kind = 'call') AS tokens,
      count(*) FILTER (WHERE kind = 'error') AS errors FROM event WHERE ${window} GROUP BY 1),
    errors AS (SELECT id, errors FROM counted), distinct_users AS (${users}), latest AS (${latest})`),
  'by hand, count(DISTINCT)': joined(`
    counted AS (SELECT workspace_id AS id, count(*) AS calls, sum(tokens) AS tokens FROM event WHERE kind = 'call' AND ${window} GROUP BY 1),
    errors AS (SELECT workspace_id AS id, count(*) AS errors FROM event WHERE kind = 'error' AND ${window} GROUP BY 1),
    distinct_users AS (SELECT workspace_id AS id, count(DISTINCT user_id) AS users FROM event WHERE kind = 'call' AND ${window} GROUP BY 1),
    latest AS (${latest})`),
};

const asOf = new Date('2026-11-01T00:00:00Z');
const period = { from: new Date('2026-10-01T00:00:00Z'), to: asOf };

interface Contender {
  name: string;
  /** Returns the figures, by workspace and meter. */
  run: () => Promise<Map<string, string>>;
}

function contenders(session: Session): Contender[] {
  const hand = Object.entries(byHand).map(([name, sql]): Contender => ({
    name,
    run: async () => {
      const rows = await session.query<{ id: number; meter: string; used: unknown }>(sql);
      return new Map(rows.map(({ id, meter, used }) => [`${id} ${meter}`, String(used)]));
    },
  }));
  const dbops: Contender = {
    name: 'dbops report usage',
    run: async () => {
      const { data } = await reportUsage(session, usage, { asOf, now: asOf, period });
      return new Map(
        data.rows.map((row) => [`${row['subjectId']} ${row['meter']}`, String(row['used'])]),
      );
    },
  };
  return [dbops, ...hand];
}

async function measure(session: Session, subjects: number): Promise<string[]> {
  const all = contenders(session);
  const samples = new Map<string, number[]>(all.map(({ name }) => [name, []]));
  let expected: Map<string, string> | undefined;
  for (let round = 0; round <= rounds; round++)
    for (const { name, run } of all) {
      const started = performance.now();
      const figures = await run();
      const taken = performance.now() - started;
      expected ??= figures;
      assertSame(name, figures, expected);
      if (round > 0) samples.get(name)?.push(taken); // the first round fills the caches
    }
  const medians = new Map([...samples].map(([name, times]) => [name, median(times)]));
  const best = Math.min(...Object.keys(byHand).map((name) => medians.get(name) ?? Infinity));
  return [...medians].map(
    ([name, time]) =>
      `| ${subjects.toLocaleString('en-US')} subjects | ${name} | ${(time / 1000).toFixed(2)} s | ${(time / best).toFixed(2)} |`,
  );
}

function assertSame(
  name: string,
  figures: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): void {
  for (const [key, used] of expected)
    if (figures.get(key) !== used)
      throw new Error(`${name}: ${key} is ${figures.get(key)}, expected ${used}`);
}

async function main(server: string): Promise<void> {
  const lines: string[] = [];
  for (const subjects of values.subjects.split(',').map(Number)) {
    const admin = await openSession(parseTarget(`${server}/postgres`), { application: 'bench' });
    await admin.alone(`CREATE DATABASE usage_${subjects}`);
    await admin.close();
    const session = await openSession(parseTarget(`${server}/usage_${subjects}`), {
      application: 'bench',
      path: 'DEFAULT',
    });
    say(`${values.rows} events of ${subjects} subjects`);
    for (const statement of schema(Number(values.rows), subjects)) await session.alone(statement);
    const missing = await readOnly(session, () => missingMeterIndexes(session, usage));
    const indexes = new Set(missing.flatMap(({ statement }) => statement ?? []));
    for (const index of indexes) {
      say(`  ${index}`);
      await session.alone(index);
    }
    await session.alone('VACUUM (ANALYZE) event');
    lines.push(...(await measure(session, subjects)));
    await session.close();
  }
  const head = `| ${Number(values.rows).toLocaleString('en-US')} events in one month, ${rounds} rounds | | median | ÷ best by hand |`;
  process.stdout.write(`${[head, '|---|---|---:|---:|', ...lines].join('\n')}\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await onNewServer('usage', ({ url }) => main(url));

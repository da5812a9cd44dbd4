import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { calibrateScan } from '../../src/plan/calibrate-scan.ts';
import type { LiveFacts } from '../../src/plan/live-facts.ts';
import {
  ratesBetween,
  readLiveFacts,
  sampleWrites,
  withRates,
} from '../../src/plan/read-live-facts.ts';
import { relationKey } from '../../src/plan/observation.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { app, createDatabase, servers, targets, type Database } from '../db/targets.ts';

const tables = `CREATE SCHEMA "Shop";
  CREATE TABLE "Shop"."Purchases" (id int PRIMARY KEY, note text, payload text);
  ALTER TABLE "Shop"."Purchases" ALTER payload SET STORAGE EXTERNAL;
  INSERT INTO "Shop"."Purchases" SELECT n, md5(n::text), CASE WHEN n = 1 THEN repeat('x', 100000) END
    FROM generate_series(1, 20000) n;
  CREATE INDEX "Notes" ON "Shop"."Purchases" (note);
  CREATE TABLE visits (id int, day date NOT NULL) PARTITION BY RANGE (day);
  CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
  INSERT INTO visits SELECT n, date '2026-01-01' + n % 59 FROM generate_series(1, 5900) n;
  CREATE MATERIALIZED VIEW days AS SELECT day, count(*) FROM visits GROUP BY day;
  CREATE TABLE unseen (id bigint, amount bigint) WITH (autovacuum_enabled = off);
  CREATE TABLE nothing (id int);
  CREATE TEMP TABLE passing (id int);
  ANALYZE "Shop"."Purchases"; ANALYZE visits_1; ANALYZE visits_2`;

function tableOf({ tables: all }: LiveFacts, name: string) {
  const found = all.find((table) => table.name === name);
  if (!found) throw new Error(`no facts of ${name}`);
  return found;
}

describe.each(targets)('the facts of a database on $name', (target) => {
  let database: OpenDatabase;
  let session: Session;
  let facts: LiveFacts;

  beforeAll(async () => {
    database = await openDatabase(target);
    session = database.session;
    await session.script(tables);
    facts = await readLiveFacts(session, { applied: ['0001_a'] });
  });
  afterAll(() => database?.end());

  it('contain the rows, bytes and indexes of a table', async () => {
    const { rows, heapBytes, toastBytes, indexes } = tableOf(facts, 'Purchases');
    expect(rows).toBe(20_000);
    const [sizes] = await session.query<{ heap: number; index: number }>(
      `SELECT pg_relation_size('"Shop"."Purchases"')::int AS heap, pg_relation_size('"Shop"."Notes"')::int AS index`,
    );
    expect(heapBytes).toBe(sizes?.heap);
    expect(toastBytes).toBeGreaterThan(100_000);
    expect(indexes.map(({ name, isValid }) => `${name} ${isValid}`)).toEqual([
      'Notes true',
      'Purchases_pkey true',
    ]);
    expect(indexes[0]?.bytes).toBe(sizes?.index);
    expect(facts.serverVersion).toBe(session.server.version);
    expect(facts.applied).toEqual(['0001_a']);
  });

  it('sum the partitions of a partitioned table', () => {
    const [whole, first, second] = ['visits', 'visits_1', 'visits_2'].map((name) =>
      tableOf(facts, name),
    );
    expect(whole?.kind).toBe('partitioned table');
    expect(first?.partitionOf).toEqual({ schema: 'public', name: 'visits' });
    expect(whole?.rows).toBe(5_900);
    expect(whole?.heapBytes).toBe((first?.heapBytes ?? 0) + (second?.heapBytes ?? 0));
  });

  it('contain materialized views and empty tables, and no temporary ones', () => {
    expect(tableOf(facts, 'days').kind).toBe('materialized view');
    expect(tableOf(facts, 'nothing')).toMatchObject({ rows: 0, heapBytes: 0, indexes: [] });
    expect(facts.tables.map(({ name }) => name)).not.toContain('passing');
    expect(facts.tables.map(({ schema }) => schema)).not.toContain('pg_catalog');
  });

  it('estimate the rows of a table that ANALYZE has not read', async () => {
    await session.script('INSERT INTO unseen SELECT n, n FROM generate_series(1, 50000) n');
    const { rows } = tableOf(await readLiveFacts(session, { applied: [] }), 'unseen');
    expect(rows).toBeGreaterThan(25_000);
    expect(rows).toBeLessThan(100_000);
  });

  it('contain rows that were added after ANALYZE', async () => {
    await session.script(`INSERT INTO "Shop"."Purchases" (id, note)
      SELECT n, md5(n::text) FROM generate_series(20001, 40000) n`);
    const { rows } = tableOf(await readLiveFacts(session, { applied: [] }), 'Purchases');
    expect(rows).toBeGreaterThan(36_000);
    expect(rows).toBeLessThan(44_000);
  });

  it('name no transaction, replica or slot where there is none', () => {
    expect(facts.activity).toEqual({
      preparedTransactions: 0,
      replicas: 0,
      slots: [],
      wraparoundVacuums: [],
    });
  });

  it('contain the speed of a scan, of tables that are large enough', async () => {
    const speed = await calibrateScan(session, facts.tables);
    // No machine reads more than 100 GB a second.
    expect(speed).toBeGreaterThan(0.01);
    expect(speed).toBeLessThan(1_000);
    expect(await calibrateScan(session, [tableOf(facts, 'nothing')])).toBeUndefined();
  });
});

describe.each(servers)('the facts of a busy database on $name', (server) => {
  let database: Database;
  const opened: Session[] = [];

  async function connect(application: string, role?: typeof app): Promise<Session> {
    const url = new URL(database.url);
    if (role) [url.username, url.password] = [role.user, role.password];
    const session = await openSession(parseTarget(url.href), { application, path: 'DEFAULT' });
    opened.push(session);
    return session;
  }

  beforeAll(async () => {
    database = await createDatabase(server);
    const owner = await connect('owner');
    await owner.script(`CREATE TABLE busy (id int PRIMARY KEY, note text);
      INSERT INTO busy SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n; ANALYZE busy;
      CREATE TABLE quiet (id int)`);
  });
  afterAll(async () => {
    for (const each of opened) await each.close();
    await database?.drop();
  });

  it('name the transaction that is open for longest, of another session', async () => {
    const [reader, worker] = [await connect('reader'), await connect('nightly job')];
    await worker.script('BEGIN; SELECT count(*) FROM busy');
    const { activity } = await readLiveFacts(reader, { applied: [] });
    expect(activity?.longestTransaction).toMatchObject({
      pid: worker.pid,
      application: 'nightly job',
    });
    expect(activity?.longestTransaction?.seconds).toBeGreaterThanOrEqual(0);
    await worker.script('ROLLBACK');
    const later = await readLiveFacts(reader, { applied: [] });
    expect(later.activity?.longestTransaction).toBeUndefined();
  });

  it('take the recorded sizes of tables that a migration has locked, without waiting for it', async () => {
    const [reader, migration] = [await connect('reader'), await connect('migration')];
    await migration.script('BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE');
    const facts = await readLiveFacts(reader, { applied: [] });
    expect(tableOf(facts, 'busy').rows).toBe(20_000);
    expect(tableOf(facts, 'busy').heapBytes).toBeGreaterThan(2_000_000);
    expect(await calibrateScan(reader, facts.tables)).toBeUndefined();
    await migration.script('ROLLBACK');
    expect(await calibrateScan(reader, facts.tables)).toBeGreaterThan(0);
  });

  it('leave out what a role without pg_monitor may not see', async () => {
    const [stranger, worker] = [await connect('stranger', app), await connect('worker')];
    await worker.script('BEGIN; SELECT count(*) FROM busy');
    const facts = await readLiveFacts(stranger, { applied: [] });
    expect(facts.activity?.longestTransaction).toBeUndefined();
    expect(tableOf(facts, 'busy').rows).toBe(20_000);
    expect(await calibrateScan(stranger, facts.tables)).toBeUndefined();
    await worker.script('ROLLBACK');
  });

  it('show an index that CREATE INDEX CONCURRENTLY left invalid', async () => {
    const owner = await connect('owner');
    await owner.script('INSERT INTO quiet VALUES (1), (1)');
    await expect(
      owner.alone('CREATE UNIQUE INDEX CONCURRENTLY twice ON quiet (id)'),
    ).rejects.toThrow(/unique index "twice"/);
    const { indexes } = tableOf(await readLiveFacts(owner, { applied: [] }), 'quiet');
    expect(indexes).toMatchObject([{ name: 'twice', isValid: false }]);
  });

  it('count the rows that are written between two samples', async () => {
    const [reader, writer] = [await connect('reader'), await connect('writer')];
    await writer.script('SELECT pg_stat_force_next_flush()');
    const before = await sampleWrites(reader);
    await writer.script(
      `UPDATE busy SET note = 'y' WHERE id <= 300; DELETE FROM busy WHERE id > 19900; SELECT pg_stat_force_next_flush()`,
    );
    const after = await sampleWrites(reader);
    const rates = ratesBetween(before, { ...after, at: before.at + 4_000 });
    expect(rates.get(relationKey({ schema: 'public', name: 'busy' }))).toBe(100);
    expect(rates.get(relationKey({ schema: 'public', name: 'quiet' }))).toBe(0);
    expect(ratesBetween(before, { ...after, at: before.at + 200 }).size).toBe(0);
    const facts = withRates(await readLiveFacts(reader, { applied: [] }), rates);
    expect(tableOf(facts, 'busy').writesPerSecond).toBe(100);
  });
});

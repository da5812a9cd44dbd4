import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readWithFixedSettings } from '../../src/catalog/snapshot.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { checks } from '../../src/verify/checks/index.ts';
import { thresholdsSchema, type Thresholds } from '../../src/verify/declaration.ts';
import { runCatalogue } from '../../src/verify/run-catalogue.ts';
import { app, createDatabase, servers, type Database } from '../db/targets.ts';

// What needs several sessions, committed rows or another role.
describe.each(servers)('checks of a running database on $name', (server) => {
  let database: Database;
  const opened: Session[] = [];
  let owner: Session;

  async function connect(role?: typeof app): Promise<Session> {
    const url = new URL(database.url);
    if (role) [url.username, url.password] = [role.user, role.password];
    const session = await openSession(parseTarget(url.href), {
      application: 'dbops test',
      path: 'DEFAULT',
    });
    opened.push(session);
    return session;
  }

  beforeAll(async () => {
    database = await createDatabase(server);
    owner = await connect();
  });

  beforeEach(() =>
    owner.script(
      `DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC`,
    ),
  );

  afterAll(async () => {
    for (const each of opened) await each.close();
    await database.drop();
  });

  interface Given {
    replicas?: Session[];
    thresholds?: Partial<Thresholds>;
  }

  /** Returns the findings of checks. */
  function findingsOf(
    names: string[],
    session: Session,
    { replicas = [], thresholds = {} }: Given = {},
  ) {
    const input = {
      session,
      isReplay: false,
      replicas,
      thresholds: thresholdsSchema.parse(thresholds),
    };
    return readWithFixedSettings(session, () =>
      runCatalogue(
        checks.filter(({ name }) => names.includes(name)),
        input,
      ),
    );
  }

  const keysOf = async (...parameters: Parameters<typeof findingsOf>) =>
    (await findingsOf(...parameters)).map(({ key }) => key);

  it('do not report an index that CREATE INDEX CONCURRENTLY is building, to any role', async () => {
    await owner.script(
      `CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE INDEX failed ON t (b);
      UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'failed'::regclass; CREATE TABLE other (id int PRIMARY KEY)`,
    );
    const writer = await connect();
    // CREATE INDEX CONCURRENTLY waits for the end of this transaction.
    await writer.script('BEGIN; INSERT INTO t VALUES (1, 1)');
    const builder = await connect();
    const building = builder.alone('CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)');
    const weak = await connect(app);
    try {
      await expect
        .poll(() =>
          owner.query(`SELECT FROM pg_index WHERE indexrelid = to_regclass('public.t_a')`),
        )
        .toHaveLength(1);
      for (const session of [owner, weak])
        expect(
          await keysOf(
            ['invalid-index', 'leftover-index', 'duplicate-rows-under-invalid-unique'],
            session,
          ),
        ).toEqual(session === owner ? ['invalid-index:failed on public.t'] : []);
    } finally {
      await writer.script('COMMIT');
      await building;
    }
    expect(await keysOf(['invalid-index'], weak)).toEqual(['invalid-index:failed on public.t']);
  });

  it('report what REINDEX CONCURRENTLY leaves behind once it has ended, and not before', async () => {
    await owner.script(
      `CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 2); CREATE UNIQUE INDEX t_a ON t (a)`,
    );
    const writer = await connect();
    await writer.script('BEGIN; INSERT INTO t VALUES (3, 3)');
    const builder = await connect();
    const building = builder
      .alone('REINDEX INDEX CONCURRENTLY t_a')
      .catch((error: unknown) => error);
    await expect
      .poll(() =>
        owner.query(`SELECT FROM pg_index WHERE indexrelid = to_regclass('public.t_a_ccnew')`),
      )
      .toHaveLength(1);
    expect(await keysOf(['invalid-index', 'leftover-index'], owner)).toEqual([]);
    await owner.query('SELECT pg_cancel_backend($1)', [builder.pid]);
    await building;
    await writer.script('COMMIT');
    expect(await keysOf(['invalid-index', 'leftover-index'], owner)).toEqual([
      'leftover-index:t_a_ccnew on public.t',
    ]);
  });

  it('count the scans of an index on replicas, too', async () => {
    const statements = [
      'CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t SELECT n, n, n FROM generate_series(1, 5000) n',
      'CREATE INDEX t_a ON t (a); CREATE INDEX t_b ON t (b); ANALYZE t',
    ];
    for (const sql of statements) await owner.script(sql);
    // Another database with the same indexes has statistics of its own, as a replica has.
    const replicated = await createDatabase(server);
    const replica = await openSession(parseTarget(replicated.url), {
      application: 'dbops test',
      path: 'DEFAULT',
    });
    try {
      for (const sql of statements) await replica.script(sql);
      await replica.script('SELECT FROM t WHERE a = 7');
      await replica.script('SELECT pg_stat_force_next_flush()');
      const thresholds = { unusedDays: 0 };
      expect(await keysOf(['unused-index'], owner, { thresholds })).toEqual([
        'unused-index:t_a on public.t',
        'unused-index:t_b on public.t',
      ]);
      const [only, another] = await findingsOf(['unused-index'], owner, {
        thresholds,
        replicas: [replica],
      });
      expect(another).toBeUndefined();
      expect(only?.message).toContain('t_b on public.t');
      expect(only?.message).toContain('here and on 1 replica');
    } finally {
      await replica.close();
      await replicated.drop();
    }
  });

  it('name the tables that a role may not read, and check the others', async () => {
    await owner.script(
      `CREATE TABLE secret (id serial PRIMARY KEY); CREATE TABLE shown (id serial PRIMARY KEY); CREATE TABLE hidden (id serial PRIMARY KEY);
      INSERT INTO secret VALUES (1), (2); INSERT INTO shown VALUES (1), (2); INSERT INTO hidden VALUES (1), (2);
      GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${app.user}; GRANT SELECT ON shown, hidden TO ${app.user};
      ALTER TABLE hidden ENABLE ROW LEVEL SECURITY`,
    );
    const weak = await connect(app);
    const found = await findingsOf(['sequence-behind'], weak);
    expect(found.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      'error sequence-behind',
      'info not-checked',
    ]);
    expect(found[0]?.key).toBe('sequence-behind:id on public.shown');
    expect(found[1]?.message).toContain(
      'public.hidden.id, public.secret.id: the role may not read',
    );
  });

  it('check the other tables where one cannot be read in time', async () => {
    await owner.script(
      `CREATE TABLE a (id serial PRIMARY KEY); CREATE TABLE b (id serial PRIMARY KEY); CREATE TABLE c (id serial PRIMARY KEY);
      INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); INSERT INTO c VALUES (1)`,
    );
    const other = await connect();
    await other.script('BEGIN; LOCK TABLE b');
    try {
      const found = await findingsOf(['sequence-behind'], owner);
      expect(found.map(({ key }) => key.replace(/\/.*/, ''))).toEqual([
        'sequence-behind:id on public.a',
        'sequence-behind:id on public.c',
        'not-checked:sequence-behind',
      ]);
      expect(found[2]?.message).toContain('public.b.id');
    } finally {
      await other.script('ROLLBACK');
    }
  }, 60_000);
});

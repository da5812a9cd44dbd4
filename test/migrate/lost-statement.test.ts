import { describe, expect } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { withWire, type Verdict } from '../db/wire.ts';
import { catalogOf } from '../reference/catalog.ts';
import { projectOn, until, withClient, withProject, type Project } from './project.ts';

const setUp = `CREATE TABLE t (x int, y int);
  INSERT INTO t SELECT n, n FROM generate_series(1, 9) n;
  CREATE INDEX t_y ON t (y);
  CREATE TABLE p (id int) PARTITION BY RANGE (id);
  CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)`;

const invalid = 'SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid';

const alone = (sql: string) => `-- dbops: no-transaction\n${sql};`;

describe.each(servers)('a statement outside a transaction on $name', (server) => {
  const it = inTurn(server, servers);
  it.each([
    'CREATE INDEX CONCURRENTLY t_x ON t (x)',
    'CREATE INDEX CONCURRENTLY ON t (x)',
    'CREATE INDEX CONCURRENTLY IF NOT EXISTS t_x ON public.t (x)',
    'DROP INDEX CONCURRENTLY t_y',
    'REINDEX INDEX CONCURRENTLY t_y',
    'REINDEX TABLE CONCURRENTLY t',
    'ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY',
    'VACUUM t',
  ])('that was done when the connection broke is not done twice: %s', (sql) =>
    withProject(server, { '0001_t.up.sql': setUp, '0002_alone.up.sql': alone(sql) }, (project) =>
      expectRepair(project, sql, 'lose answer'),
    ),
  );

  it.each(['CREATE INDEX CONCURRENTLY t_x ON t (x)', 'DROP INDEX CONCURRENTLY t_y'])(
    'that never reached the server is done: %s',
    (sql) =>
      withProject(server, { '0001_t.up.sql': setUp, '0002_alone.up.sql': alone(sql) }, (project) =>
        expectRepair(project, sql, 'lose request'),
      ),
  );

  it('makes a database once', () =>
    withProject(server, {}, async (project) => {
      const name = `${new URL(project.url).pathname.slice(1)}_new`;
      const sql = `CREATE DATABASE ${name} TEMPLATE template0`;
      try {
        project.write({ '0001_database.up.sql': alone(sql), '0002_t.up.sql': 'CREATE TABLE t ()' });
        await expectRepair(project, sql, 'lose answer');
        project.write({ '0003_again.up.sql': alone(sql) });
        for (const attempt of [1, 2]) {
          const { exitCode, error } = await project.json('migrate', 'up');
          expect({ attempt, exitCode }).toEqual({ attempt, exitCode: 1 });
          expect(error?.message).toContain('already exists');
        }
      } finally {
        await project.query(`DROP DATABASE IF EXISTS ${name}`);
      }
    }));

  it('finishes a partition that is half detached', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': setUp,
        '0002_p.up.sql': alone('ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY'),
      },
      (project) =>
        withClient(project.url, async (reader) => {
          await project.dbops('migrate', 'up', '--steps', '1');
          await reader.query('BEGIN; SELECT * FROM p');
          const up = project.json('migrate', 'up');
          await until(async () => (await detaching(project)) === 1);
          await terminate(project);
          expect(await up).toMatchObject({ exitCode: 3 });
          await reader.query('ROLLBACK');
          expect(await project.json('migrate', 'up', '--wait', '30s')).toMatchObject({
            exitCode: 0,
          });
          expect(await project.query('SELECT FROM pg_inherits')).toEqual([]);
        }),
    ));

  it.each(['REINDEX INDEX CONCURRENTLY t_y', 'REINDEX TABLE CONCURRENTLY t'])(
    'leaves no half-built index behind: %s',
    (sql) =>
      withProject(server, { '0001_t.up.sql': setUp, '0002_t.up.sql': alone(sql) }, (project) =>
        withClient(project.url, async (writer) => {
          await project.dbops('migrate', 'up', '--steps', '1');
          const before = await catalogOf(project);
          await writer.query('BEGIN; INSERT INTO t VALUES (10)');
          const up = project.json('migrate', 'up');
          await until(async () => (await project.query(invalid)).length > 0);
          await terminate(project);
          expect(await up).toMatchObject({ exitCode: 3 });
          await writer.query('ROLLBACK');
          expect(await project.json('migrate', 'up', '--wait', '30s')).toMatchObject({
            exitCode: 0,
          });
          expect(await catalogOf(project)).toEqual(before);
        }),
      ),
  );

  it.each([
    'CREATE INDEX CONCURRENTLY t_x ON t (x)',
    'CREATE INDEX CONCURRENTLY IF NOT EXISTS t_x ON t (x)',
  ])('rebuilds an INVALID index of its name that another left, and says so: %s', (sql) =>
    withProject(
      server,
      { '0001_t.up.sql': `${setUp}; INSERT INTO t VALUES (1)`, '0002_index.up.sql': alone(sql) },
      async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        const failing = project.query('CREATE UNIQUE INDEX CONCURRENTLY t_x ON t (x)');
        await expect(failing).rejects.toThrow(/unique/);
        const { exitCode, stderr } = await project.dbops('migrate', 'up');
        expect(exitCode).toBe(0);
        expect(stderr).toContain('drops the index public.t_x: it is INVALID');
        const catalog = await catalogOf(project);
        expect(catalog).toContain(
          'index CREATE INDEX t_x ON public.t USING btree (x) valid t ready t',
        );
      },
    ),
  );

  it('leaves an INVALID index of its name alone that is of another table', () =>
    withProject(
      server,
      {
        '0001_t.up.sql':
          'CREATE TABLE t (x int); CREATE TABLE u (x int); INSERT INTO u VALUES (1), (1)',
        '0002_index.up.sql': alone('CREATE INDEX CONCURRENTLY i ON t (x)'),
      },
      async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        const failing = project.query('CREATE UNIQUE INDEX CONCURRENTLY i ON u (x)');
        await expect(failing).rejects.toThrow(/unique/);
        const before = await catalogOf(project);
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 1 });
        expect(await catalogOf(project)).toEqual(before);
      },
    ));

  it('does not touch an index that another session is building', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': setUp,
        '0002_index.up.sql': alone('CREATE INDEX CONCURRENTLY IF NOT EXISTS t_x ON t (x)'),
      },
      (project) =>
        withClient(project.url, (writer) =>
          withClient(project.url, async (builder) => {
            await project.dbops('migrate', 'up', '--steps', '1');
            await writer.query('BEGIN; INSERT INTO t VALUES (10)');
            const building = builder.query('CREATE INDEX CONCURRENTLY t_x ON t (x)');
            await until(async () => {
              return (await project.query(invalid)).length > 0;
            });
            const answer = await project.json('migrate', 'up');
            expect(answer).toMatchObject({ exitCode: 7, error: { code: 'LOCK.INDEX' } });
            await writer.query('COMMIT');
            await building;
            expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
          }),
        ),
    ));

  it('carries set_config() over a cut', () =>
    withProject(
      server,
      {
        '0001_other.up.sql': 'CREATE SCHEMA other; CREATE TABLE other.t (x int)',
        '0002_set.up.sql': `-- dbops: no-transaction
          SELECT set_config('search_path', 'other', false);
          CREATE INDEX CONCURRENTLY t_x ON t (x);
          CREATE TABLE u ();`,
      },
      async (project) => {
        await expectRepair(project, 'CREATE INDEX CONCURRENTLY t_x ON t (x)', 'lose answer');
        const catalog = await catalogOf(project);
        expect(catalog.join('\n')).toContain('relation other.u');
        expect(catalog.join('\n')).toContain('INDEX t_x ON other.t');
      },
    ));
});

/** Breaks the connection at a statement, and lets another run end the folder; nothing is left over. */
async function expectRepair(project: Project, sql: string, verdict: Verdict): Promise<void> {
  const judge = (sent: string): Verdict => (sent === sql ? verdict : 'pass');
  await withWire(project.url, judge, async (wire) => {
    const broken = await projectOn(wire.url, project.root).json('migrate', 'up');
    expect(broken).toMatchObject({ exitCode: 3 });
  });
  const next = await project.json('migrate', 'up', '--wait', '20s');
  expect({ sql, error: next.error }).toEqual({ sql, error: undefined });
  expect(await project.query(invalid)).toEqual([]);
  expect(await project.query('SELECT * FROM dbops.checkpoints')).toEqual([]);
}

/** Ends the server process of a run, and waits until it has gone. */
async function terminate({ query }: Project): Promise<void> {
  const running = `FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'dbops migrate%'`;
  await query(`SELECT pg_terminate_backend(pid) ${running}`);
  await until(async () => (await query(`SELECT ${running}`)).length === 0);
}

async function detaching({ query }: Project): Promise<number> {
  return (await query('SELECT FROM pg_inherits WHERE inhdetachpending')).length;
}

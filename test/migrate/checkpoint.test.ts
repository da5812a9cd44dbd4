import { describe, expect, vi } from 'vitest';
import { prisma as format } from '../../src/formats/prisma/index.ts';
import { app, inTurn, servers, withDatabase } from '../db/targets.ts';
import { withWire, type Verdict } from '../db/wire.ts';
import { withPooler } from '../db/pooler.ts';
import {
  byState,
  exists,
  projectOn,
  tracked,
  withProject,
  writeInto,
  writeProject,
  type Project,
} from './project.ts';

vi.setConfig({ testTimeout: 60_000 });

const alone = (...statements: string[]) =>
  `-- dbops: no-transaction\n${statements.map((sql) => `${sql};`).join('\n')}`;

/** Cut off at the index: the rows are not unique. */
const halfway = [
  'CREATE TABLE t (a int)',
  'CREATE TABLE other (a int)',
  'INSERT INTO t VALUES (1), (1)',
  'CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)',
];

const name = '20260101000000_a';
const migration = `${halfway.join(';\n')};`;
const prisma = {
  'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
  [`prisma/migrations/${name}/migration.sql`]: migration,
};

const checkpoints = (project: Project) => project.query('SELECT * FROM dbops.checkpoints');
const rowsOf = async (project: Project, table: string) =>
  (await project.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${table}`))[0]?.rows;
const findings = async (project: Project) => {
  const { stdout } = await project.dbops('migrate', 'status', '--json');
  return (JSON.parse(stdout).findings as { code: string }[]).map(({ code }) => code);
};

describe.each(servers)('a checkpoint of a state that no longer exists, on $name', (server) => {
  const it = inTurn(server, servers);
  const withPrisma = (test: (project: Project) => Promise<void>) =>
    withDatabase(server, (url) => test(projectOn(url, writeProject(prisma))));

  it('is forgotten when the tracking table was created again: every statement runs', () =>
    withPrisma(async (project) => {
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 1 });
      expect(await checkpoints(project)).toHaveLength(1);
      await project.query('DROP SCHEMA public CASCADE');
      await project.query('CREATE SCHEMA public');
      expect(await findings(project)).not.toContain('half-done');
      writeInto(project.root, {
        [`prisma/migrations/${name}/migration.sql`]: migration.replace('(1), (1)', '(1), (2)'),
      });
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await exists(project, 'other')).toBe(true);
      expect(await rowsOf(project, 't')).toBe(2);
      expect(await checkpoints(project)).toEqual([]);
    }));

  it('is forgotten when the tool records the file, and stays forgotten when its row is removed', () =>
    withPrisma(async (project) => {
      await project.json('migrate', 'up');
      expect(await findings(project)).toContain('half-done');
      await project.query(
        `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, logs)
         VALUES ('x', $1, now(), $2, '')`,
        [format.hashOf?.(migration), name],
      );
      expect(await findings(project)).not.toContain('half-done');
      writeInto(project.root, {
        [`prisma/migrations/${name}/down.sql`]: 'DROP TABLE t, other',
      });
      expect(await project.json('migrate', 'down', '--unproven')).toMatchObject({ exitCode: 0 });
      expect(await checkpoints(project)).toEqual([]);
      expect(await findings(project)).not.toContain('half-done');
    }));

  it('is refused when a table that its statements created was dropped, and says how to start over', () =>
    withProject(server, { '0001_a.up.sql': alone(...halfway) }, async (project) => {
      await project.json('migrate', 'up');
      await project.query('DROP TABLE other');
      const { exitCode, error } = await project.json('migrate', 'up');
      expect({ exitCode, code: error?.code }).toEqual({
        exitCode: 6,
        code: 'MIGRATION.GONE_HALFWAY',
      });
      expect(error?.message).toContain('after 3 of its 4 statements');
      expect(error?.message).toContain('public.other was dropped or created again');
      await project.query('DROP TABLE t');
      await project.query(`${/DELETE FROM .*/.exec(error?.hint ?? '')?.[0]}`);
      const again = await project.json('migrate', 'up');
      expect(again.error?.message).toContain('first 3 of 4 statements are applied');
    }));

  it('resumes when an older version wrote it', () =>
    withProject(server, { '0001_a.up.sql': alone(...halfway) }, async (project) => {
      await project.json('migrate', 'up');
      await project.query('ALTER TABLE dbops.checkpoints DROP tracking_oid, DROP tables');
      expect(await findings(project)).toContain('half-done');
      await project.query('TRUNCATE t');
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await checkpoints(project)).toEqual([]);
    }));

  it('is refused when a table that it only changed was created again', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': 'CREATE TABLE t (a int)',
        '0001_t.down.sql': 'DROP TABLE t',
        '0002_i.up.sql': alone(
          'CREATE INDEX CONCURRENTLY t_i ON t (a)',
          'CREATE INDEX CONCURRENTLY t_j ON t (b)',
        ),
      },
      async (project) => {
        await project.json('migrate', 'up');
        expect(await project.json('migrate', 'down')).toMatchObject({ exitCode: 0 });
        const { exitCode, error } = await project.json('migrate', 'up');
        expect({ exitCode, code: error?.code }).toEqual({
          exitCode: 6,
          code: 'MIGRATION.GONE_HALFWAY',
        });
        expect(await tracked(project)).toEqual(['0001_t']);
      },
    ));

  it('continues although a later statement dropped what an earlier one created', () =>
    withProject(
      server,
      {
        '0001_a.up.sql': alone(
          'CREATE TABLE scratch (a int)',
          'CREATE TEMP TABLE passing (a int)',
          'CREATE TABLE t (a int)',
          'DROP TABLE scratch',
          'INSERT INTO t VALUES (1), (1)',
          'CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)',
        ),
      },
      async (project) => {
        await project.json('migrate', 'up');
        await project.query('TRUNCATE t');
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      },
    ));

  it('is refused when the rollback was edited half-way', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': 'CREATE TABLE t (a int); CREATE TABLE kept ()',
        '0001_t.down.sql': alone('ALTER TABLE t ADD b int', 'DROP INDEX CONCURRENTLY nothing'),
      },
      async (project) => {
        await project.json('migrate', 'up');
        const down = ['migrate', 'down', '--unproven'];
        expect(await project.json(...down)).toMatchObject({ exitCode: 1 });
        project.write({ '0001_t.down.sql': alone('DROP TABLE t', 'DROP TABLE kept') });
        expect(await project.json(...down)).toMatchObject({
          exitCode: 6,
          error: { code: 'MIGRATION.EDITED_HALFWAY' },
        });
        expect(await exists(project, 'kept')).toBe(true);
      },
    ));
});

describe.each(servers)('a connection that is lost outside a transaction on $name', (server) => {
  const it = inTurn(server, servers);
  const files = {
    '0001_a.up.sql': alone('CREATE TABLE t (a int)', 'CREATE INDEX CONCURRENTLY t_a ON t (a)'),
  };
  const brokenAt = (
    project: Project,
    isIt: (sql: string) => boolean,
    verdict: Verdict = 'lose answer',
  ) =>
    withWire(
      project.url,
      (sql) => (isIt(sql) ? verdict : 'pass'),
      ({ url }) => projectOn(url, project.root).json('migrate', 'up'),
    );

  it.each([
    ['lose answer', 'first 1 of 2 statements are applied'],
    ['lose request', 'none of its statements is applied'],
  ] as const)('at the COMMIT of a statement (%s): %s', (verdict, stands) =>
    withProject(server, files, async (project) => {
      const isIt = (sql: string) => sql.includes('CREATE TABLE t') && sql.includes('COMMIT');
      const { exitCode, error } = await brokenAt(project, isIt, verdict);
      expect(exitCode).toBe(3);
      expect(error?.message).toContain(stands);
      expect(await exists(project, 't')).toBe(verdict === 'lose answer');
      expect(byState(await project.json('migrate', 'up'))).toEqual({ done: ['0001_a'] });
    }),
  );

  const isRecord = (sql: string) => sql.includes('INSERT INTO dbops.migrations');

  it('at the COMMIT of its row: it is done', () =>
    withProject(server, files, async (project) => {
      const answer = await brokenAt(project, isRecord);
      expect({ error: answer.error, ...byState(answer) }).toEqual({ done: ['0001_a'] });
      expect(await tracked(project)).toEqual(['0001_a']);
    }));

  it('before its row: everything is applied, and the next run records it', () =>
    withProject(server, files, async (project) => {
      const answer = await brokenAt(project, isRecord, 'lose request');
      expect(byState(answer)).toEqual({ failed: ['0001_a'] });
      expect(answer.error?.message).toContain('all of its 2 statements are applied');
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
    }));

  it('at the row of a module: it is done', () =>
    withProject(
      server,
      {
        '0001_a.ts': `// dbops: no-transaction
          export const up = (db) => db.schema.createTable('t').execute();`,
      },
      async (project) => {
        const answer = await brokenAt(project, isRecord);
        expect({ error: answer.error, ...byState(answer) }).toEqual({ done: ['0001_a'] });
      },
    ));
});

describe.each(servers)('outside a transaction on $name', (server) => {
  const it = inTurn(server, servers);
  it('a module that leaves a transaction open is not applied', () =>
    withProject(
      server,
      {
        '0001_a.ts': `// dbops: no-transaction
          import { sql } from 'kysely';
          export const up = async (db) => { await sql\`BEGIN\`.execute(db);
            await sql\`CREATE TABLE t ()\`.execute(db); };`,
      },
      async (project) => {
        const answer = await project.json('migrate', 'up');
        expect(answer).toMatchObject({
          exitCode: 1,
          error: { code: 'MIGRATION.OPEN_TRANSACTION' },
        });
        expect(byState(answer)).toEqual({ failed: ['0001_a'] });
        expect(await tracked(project)).toEqual([]);
        expect(await exists(project, 't')).toBe(false);
      },
    ));

  it('a role that cannot create the checkpoints gets an error with what was applied before', () =>
    withDatabase(server, async (url) => {
      const owner = projectOn(url, writeProject(prisma));
      await owner.query(`GRANT ALL ON SCHEMA public TO ${app.user}`);
      const role = new URL(url);
      Object.assign(role, { username: app.user, password: app.password });
      const project = projectOn(role.href, owner.root);
      writeInto(owner.root, {
        'prisma/migrations/20250101000000_plain/migration.sql': 'CREATE TABLE plain ()',
      });
      const answer = await project.json('migrate', 'up');
      expect(answer.exitCode).toBe(3);
      expect(byState(answer)).toEqual({ done: ['20250101000000_plain'], failed: [name] });
    }));

  const commits = 'DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); END $$';

  it('DO and CALL may commit', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': `CREATE TABLE t (a int);
          CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (3); COMMIT; END $$`,
        '0002_a.up.sql': alone(commits, 'CALL p()', 'INSERT INTO t VALUES (4)'),
      },
      async (project) => {
        expect((await project.json('migrate', 'up')).error).toBeUndefined();
        expect(await rowsOf(project, 't')).toBe(4);
        expect(await checkpoints(project)).toEqual([]);
      },
    ));

  it('reports what a DO that commits and fails has applied, and starts it again', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': 'CREATE TABLE t (a int UNIQUE)',
        '0002_a.up.sql': alone(commits.replace('(2)', '(1)')),
      },
      async (project) => {
        const { error } = await project.json('migrate', 'up');
        expect(error?.message).toContain('What the failed statement itself committed remains');
        expect(await rowsOf(project, 't')).toBe(1);
        await project.query('TRUNCATE t; ALTER TABLE t DROP CONSTRAINT t_a_key');
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await rowsOf(project, 't')).toBe(2);
      },
    ));

  it('a DO that commits, and that nobody saw end, is not simply run again', () =>
    withProject(
      server,
      { '0001_t.up.sql': 'CREATE TABLE t (a int)', '0002_a.up.sql': alone(commits) },
      async (project) => {
        const broken = await withWire(
          project.url,
          (sql) => (sql.endsWith(commits) ? 'lose answer' : 'pass'),
          ({ url }) => projectOn(url, project.root).json('migrate', 'up'),
        );
        expect(broken.exitCode).toBe(3);
        const { exitCode, error } = await project.json('migrate', 'up');
        expect({ exitCode, code: error?.code }).toEqual({
          exitCode: 6,
          code: 'MIGRATION.UNKNOWN_END',
        });
        await project.query(`${/UPDATE .* done \+ 1 .*/.exec(error?.hint ?? '')?.[0]}`);
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await rowsOf(project, 't')).toBe(2);
      },
    ));

  it('a SET that holds behind no pooler is refused before the first file', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': 'CREATE TABLE t (a int)',
        '0002_a.up.sql': alone(
          'SET search_path = public',
          'CREATE INDEX CONCURRENTLY t_a ON t (a)',
        ),
      },
      (project) =>
        withPooler(project.url, 4, async (url) => {
          const answer = await projectOn(url, project.root).json('migrate', 'up');
          expect(answer).toMatchObject({
            exitCode: 2,
            error: { code: 'MIGRATION.POOLED_SETTINGS' },
          });
          expect(await exists(project, 't')).toBe(false);
        }),
    ));
});

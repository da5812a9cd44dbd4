import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { DbopsError } from '../../src/errors.ts';
import { inTurn, mostlyServers, servers, targets, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

import { catalogOf } from '../reference/catalog.ts';
import { migrate } from './in-session.ts';
import {
  byState,
  exists,
  tracked,
  until,
  untilRunning,
  withClient,
  withProject,
  writeFolder,
  type Queryable,
} from './project.ts';

// PGlite opens in half a second, and on a busy machine in several.
vi.setConfig({ testTimeout: 60_000 });

// `fuse` says before which statement the run is cut off; every statement makes something that
// would fail if it were made twice.
const pieces = [
  'CREATE TABLE t (id int, x int)',
  'INSERT INTO t SELECT n, n FROM generate_series(1, 5) n -- rows',
  'CREATE INDEX CONCURRENTLY t_x ON t (x)',
  'CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id)',
  'ALTER TABLE t ADD CONSTRAINT t_id_key UNIQUE USING INDEX t_id',
  'DROP INDEX CONCURRENTLY t_x',
];

const fused = {
  '0001_fuse.up.sql': `CREATE TABLE fuse (blown_at int);
    CREATE FUNCTION burn(at int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
      IF EXISTS (SELECT FROM fuse WHERE blown_at = at) THEN RAISE 'the fuse at %', at; END IF; END $$`,
  '0002_steps.up.sql': `-- dbops: no-transaction\n${pieces
    .map((sql, at) => `SELECT burn(${at});\n${sql}\n;`)
    .join('\n')}\nSELECT burn(${pieces.length});`,
};

describe.each(targets)('a file outside a transaction on $name', (target) => {
  const it = inTurn(target, mostlyServers);
  it('resumes where it was interrupted, and ends as an undisturbed run does', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        const root = writeFolder(fused);
        await migrate(session, root, 'up');
        const undisturbed = await stateOf(session);
        await session.script(
          `DROP TABLE t; DELETE FROM dbops.migrations WHERE name = '0002_steps'`,
        );

        for (const at of [...pieces.keys(), pieces.length]) {
          await blow(session, at);
          const error = await migrate(session, root, 'up').catch((thrown: unknown) => thrown);
          if (!(error instanceof DbopsError)) throw new Error(`no cut at ${at}`, { cause: error });
          expect(error.code).toBe('MIGRATION.FAILED');
          expect(error.reason.join('\n')).toContain(`the fuse at ${at}`);
          const stands =
            at === 0
              ? 'none of its statements is applied'
              : `first ${2 * at} of 13 statements are applied`;
          expect(error.message).toContain(stands);
          expect(await tracked(session)).toEqual(['0001_fuse']);
        }
        await blow(session, null);
        expect(await migrate(session, root, 'up')).toEqual(['0002_steps']);
        expect(await stateOf(session)).toEqual(undisturbed);
        expect(await leftovers(session)).toEqual([]);
      }),
    ));

  it('leaves no invalid index behind, and continues when the rows are corrected', () =>
    withProject(
      target,
      {
        '0001_t.up.sql': `CREATE TABLE t (x int); INSERT INTO t VALUES (1), (1), (2)`,
        '0002_key.up.sql':
          '-- dbops: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t_x ON t (x);\nCREATE TABLE after ();',
      },
      async (project) => {
        const failed = await project.json('migrate', 'up');
        expect(failed.exitCode).toBe(1);
        expect(failed.error?.message).toContain('SQLSTATE 23505');
        expect(failed.error?.message).toContain('0002_key.up.sql:2');
        expect(await exists(project, 't_x')).toBe(false);

        await project.query('DELETE FROM t WHERE x = 1');
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await validity(project, 't_x')).toBe(true);
        expect(await exists(project, 'after')).toBe(true);
        expect(await leftovers(project)).toEqual([]);
      },
    ));

  it('does not take an index of the same name for its own', () =>
    withProject(
      target,
      {
        '0001_t.up.sql': 'CREATE TABLE t (x int, y int); CREATE INDEX t_x ON t (y)',
        '0002_index.up.sql': '-- dbops: no-transaction\nCREATE INDEX CONCURRENTLY t_x ON t (x);',
      },
      async (project) => {
        for (const attempt of ['first', 'second']) {
          const { exitCode, error } = await project.json('migrate', 'up');
          expect({ attempt, exitCode }).toEqual({ attempt, exitCode: 1 });
          expect(error?.message).toContain('SQLSTATE 42P07');
        }
        await project.query('DROP INDEX t_x');
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await exists(project, 't_x')).toBe(true);
      },
    ));

  it('is refused when it was edited half-way', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        const root = writeFolder(fused);
        await migrate(session, root, 'up', { steps: 1 });
        await blow(session, 2);
        await expect(migrate(session, root, 'up')).rejects.toMatchObject({ exitCode: 1 });
        await blow(session, null);
        const before = await stateOf(session);

        const file = join(root, 'migrations', '0002_steps.up.sql');
        writeFileSync(file, `${fused['0002_steps.up.sql']}\nSELECT 1;`);
        await expect(migrate(session, root, 'up')).rejects.toMatchObject({
          exitCode: 6,
          code: 'MIGRATION.EDITED_HALFWAY',
        });
        expect(await stateOf(session)).toEqual(before);

        writeFileSync(file, fused['0002_steps.up.sql']);
        expect(await migrate(session, root, 'up')).toEqual(['0002_steps']);
      }),
    ));

  it('keeps what it SETs to its end, also after it was interrupted', () =>
    withProject(
      target,
      {
        '0001_fuse.up.sql': `${fused['0001_fuse.up.sql']}; CREATE SCHEMA other; INSERT INTO fuse VALUES (1)`,
        '0002_set.up.sql': `-- dbops: no-transaction
          SET search_path = other, public;
          CREATE TABLE t (x int); -- in other
          SELECT burn(1);
          CREATE INDEX CONCURRENTLY t_x ON t (x);
          CREATE TABLE u ();`,
        '0003_v.up.sql': 'CREATE TABLE v ()',
      },
      async (project) => {
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 1 });
        await project.query('DELETE FROM fuse');
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        for (const name of ['other.t', 'other.t_x', 'other.u', 'public.v'])
          expect({ name, there: await exists(project, name) }).toEqual({ name, there: true });
      },
    ));

  it('rolls back outside a transaction, too', () =>
    withProject(
      target,
      {
        '0001_t.up.sql':
          '-- dbops: no-transaction\nCREATE TABLE t (x int);\nCREATE INDEX t_x ON t (x);',
        '0001_t.down.sql': '-- dbops: no-transaction\nDROP INDEX CONCURRENTLY t_x;\nDROP TABLE t;',
      },
      async (project) => {
        await project.dbops('migrate', 'up');
        expect(await project.json('migrate', 'down')).toMatchObject({ exitCode: 0 });
        expect(await catalogOf(project)).toEqual([]);
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await leftovers(project)).toEqual([]);
      },
    ));
});

const indexing = {
  '0001_t.up.sql': 'CREATE TABLE t (x int); INSERT INTO t SELECT generate_series(1, 100)',
  '0002_index.up.sql': '-- dbops: no-transaction\nCREATE INDEX CONCURRENTLY t_x ON t (x);',
};

describe.each(servers)('CREATE INDEX CONCURRENTLY on $name', (server) => {
  const it = inTurn(server, servers);
  it('is completed by the next run when the run that waits for a transaction is killed', () =>
    withProject(server, indexing, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      await withClient(project.url, async (application) => {
        await application.query('BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE');
        await withClient(project.url, async (observer) => {
          const { child, answer } = project.start('migrate', 'up');
          await untilRunning(observer, 'CREATE INDEX CONCURRENTLY%');
          await until(async () => (await validity(project, 't_x')) === false);
          child.kill('SIGKILL');
          await answer;
        });
        await application.query('COMMIT');
      });
      const next = await project.json('migrate', 'up', '--wait', '30s');
      expect(byState(next)).toEqual({ done: ['0002_index'] });
      expect(await validity(project, 't_x')).toBe(true);
      expect(await leftovers(project)).toEqual([]);
    }));

  it.each(['SIGINT', 'SIGTERM'] as const)('is given up on %s, though another waits', (signal) =>
    withProject(server, indexing, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      await withClient(project.url, async (application) => {
        await application.query('BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE');
        await withClient(project.url, async (observer) => {
          // Longer than the test may last: only the signal ends the wait.
          const { child, answer } = project.start('migrate', 'up', '--wait', '10m');
          await untilRunning(observer, 'CREATE INDEX CONCURRENTLY%');
          child.kill(signal);
          expect(await answer).toMatchObject({ exitCode: 130 });
        });
        await application.query('COMMIT');
      });
      expect(byState(await project.json('migrate', 'up'))).toEqual({ done: ['0002_index'] });
      expect(await validity(project, 't_x')).toBe(true);
    }),
  );
});

/** Lets the run be cut off before this statement and no other. */
async function blow({ query }: Queryable, at: number | null): Promise<void> {
  await query('WITH old AS (DELETE FROM fuse) INSERT INTO fuse VALUES ($1)', [at]);
}

async function stateOf(project: Queryable) {
  return { catalog: await catalogOf(project), tracked: await tracked(project) };
}

async function leftovers({ query }: Queryable): Promise<unknown[]> {
  return query('SELECT * FROM dbops.checkpoints');
}

/** `undefined` when there is no such index. */
async function validity({ query }: Queryable, name: string): Promise<boolean | undefined> {
  const sql = 'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)';
  return (await query<{ valid: boolean }>(sql, [name]))[0]?.valid;
}

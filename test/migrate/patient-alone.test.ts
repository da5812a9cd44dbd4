import type pg from 'pg';
import { describe, expect } from 'vitest';
import { withPooler } from '../db/pooler.ts';
import { inTurn, servers } from '../db/targets.ts';
import { exists, projectOn, until, withClient, withProject, type Project } from './project.ts';

const indexing = {
  '0001_t.up.sql': 'CREATE TABLE t (x int); CREATE TABLE other (); INSERT INTO t VALUES (1)',
  '0002_index.up.sql': '-- dbops: no-transaction\nCREATE INDEX CONCURRENTLY t_x ON t (x);',
};

/** Runs the test while a transaction that did this is open. */
function whileOpen(
  project: Project,
  sql: string,
  test: (client: pg.Client, pid: number) => Promise<void>,
): Promise<void> {
  return withClient(project.url, async (client) => {
    await client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${sql}`);
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await test(client, rows[0]?.pid ?? 0);
  });
}

describe.each(servers)('a statement that waits outside a transaction on $name', (server) => {
  const it = inTurn(server, servers);
  it.each(['directly', 'behind a pooler'])(
    'is cancelled when patience is over, and says who is in the way, %s',
    (way) =>
      withProject(server, indexing, async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        await whileOpen(project, 'INSERT INTO t VALUES (2)', async (writer, pid) => {
          const { exitCode, stderr } = await (way === 'directly'
            ? project.dbops('migrate', 'up', '--wait', '1s')
            : withPooler(project.url, 4, (url) =>
                projectOn(url, project.root).dbops('migrate', 'up', '--wait', '1s'),
              ));
          expect(exitCode).toBe(7);
          const [told, error] = stderr.split('error ');
          expect(told).toContain(`0002_index is waiting for a lock`);
          expect(told).toContain(`blocked by pid ${pid} (the application`);
          expect(error).toContain(`pid ${pid} (the application`);
          await writer.query('COMMIT');
        });
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await project.query(valid)).toEqual([{ indisvalid: true }]);
      }),
  );

  it('leaves no INVALID index where it can be dropped', () =>
    withProject(server, indexing, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      await whileOpen(project, 'SELECT FROM other', async (_, pid) => {
        const { exitCode, error } = await project.json('migrate', 'up', '--wait', '1s');
        expect({ exitCode, code: error?.code }).toEqual({ exitCode: 7, code: 'LOCK.TABLE' });
        expect(error?.message).toContain(`pid ${pid} (the application`);
        expect(await exists(project, 't_x')).toBe(false);
      });
    }));

  it('is not cancelled for taking long, when it waits for nobody', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': `${indexing['0001_t.up.sql']}; CREATE FUNCTION slow(x int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_sleep(1.5); RETURN x; END $$`,
        '0002_index.up.sql':
          '-- dbops: no-transaction\nCREATE INDEX CONCURRENTLY t_x ON t (slow(x));',
      },
      async (project) => {
        expect(await project.json('migrate', 'up', '--wait', '500ms')).toMatchObject({
          exitCode: 0,
        });
        expect(await project.query(valid)).toEqual([{ indisvalid: true }]);
      },
    ));

  it('finishes a DETACH CONCURRENTLY that was cancelled half-way', () =>
    withProject(
      server,
      {
        '0001_p.up.sql': `CREATE TABLE p (x int) PARTITION BY LIST (x);
          CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)`,
        '0002_off.up.sql':
          '-- dbops: no-transaction\nALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;',
      },
      async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        await whileOpen(project, 'SELECT FROM p', async (reader) => {
          const first = project.json('migrate', 'up', '--wait', '1s');
          await until(async () => (await project.query(detaching)).length > 0);
          expect(await first).toMatchObject({ exitCode: 7 });
          await reader.query('COMMIT');
        });
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await project.query('SELECT FROM pg_inherits')).toEqual([]);
      },
    ));
});

const valid = `SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('t_x')`;
const detaching = 'SELECT FROM pg_inherits WHERE inhdetachpending';

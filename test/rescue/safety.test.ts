import { describe, expect, vi } from 'vitest';
import { app, inTurn, servers, withDatabase, type Server } from '../db/targets.ts';
import { withWire, type Verdict } from '../db/wire.ts';
import { projectOn, until, withClient, writeFolder, type Project } from '../migrate/project.ts';

vi.setConfig({ testTimeout: 180_000 });

const files = {
  '0001_logs.up.sql':
    'CREATE TABLE logs (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text)',
  '0002_away.up.sql': 'DROP TABLE logs',
  '0002_away.down.sql':
    'CREATE TABLE logs (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text)',
};

const withLogs = (server: Server, test: (project: Project) => Promise<void>) =>
  withDatabase(server, async (url) => {
    const project = projectOn(url, writeFolder(files));
    await project.dbops('migrate', 'up', '--to', '1');
    await project.query(
      `INSERT INTO logs (line) SELECT 'line ' || n FROM generate_series(1, 100) n`,
    );
    await test(project);
  });

/** How many rows are in the table, and how many in copies of it. */
async function rowsOf({ query }: Project): Promise<{ table: number; copies: number }> {
  const [row] = await query<{ logs: boolean; copy: string | null }>(
    `SELECT to_regclass('logs') IS NOT NULL AS logs,
       (SELECT min(format('%I.%I', schemaname, tablename)) FROM pg_tables WHERE tablename LIKE 'copy\\_%') AS copy`,
  );
  const count = async (table: string) =>
    (await query<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${table}`))[0]?.rows ?? 0;
  return {
    table: row?.logs ? await count('logs') : 0,
    copies: row?.copy ? await count(row.copy) : 0,
  };
}

describe.each(servers)('rows that are kept on $name', (server) => {
  const it = inTurn(server, servers);
  it.each([
    'CREATE TABLE dbops_rescue.copy',
    'SAVEPOINT dbops_script',
    'DROP TABLE logs',
    'COMMIT; RESET ALL',
  ])('are never lost by kill -9 at %s', (statement) =>
    withLogs(server, async (project) => {
      const judge = (sql: string): Verdict => (sql.includes(statement) ? 'hold answer' : 'pass');
      await withWire(project.url, judge, async (wire) => {
        const run = projectOn(wire.url, project.root).start(
          'migrate',
          'up',
          '--shadow-url',
          server.adminUrl,
        );
        await wire.reached;
        run.child.kill('SIGKILL');
        await run.answer;
      });
      const isCommitted = statement.startsWith('COMMIT');
      await until(async () => {
        const { table, copies } = await rowsOf(project);
        return isCommitted ? table === 0 && copies === 100 : table === 100 && copies === 0;
      });
      expect(
        (await project.json('migrate', 'up', '--wait', '30s', '--shadow-url', server.adminUrl))
          .exitCode,
      ).toBe(0);
      expect(await rowsOf(project)).toEqual({ table: 0, copies: 100 });
      await project.dbops('migrate', 'down');
      await project.dbops('rescue', 'restore', '0002_away');
      expect(await rowsOf(project)).toEqual({ table: 100, copies: 100 });
    }),
  );

  it('are all of those that the application has written', () =>
    withLogs(server, (project) =>
      withClient(project.url, async (client) => {
        let written = 100;
        const writing = (async () => {
          for (;;) {
            await client.query(`INSERT INTO logs (line) VALUES ('new')`);
            written++;
          }
        })().catch(() => {});
        expect(
          (await project.json('migrate', 'up', '--shadow-url', server.adminUrl)).exitCode,
        ).toBe(0);
        await writing;
        expect(written).toBeGreaterThan(100);
        expect(await rowsOf(project)).toEqual({ table: 0, copies: written });
      }),
    ));

  it('stay where they are when the copy fails', () =>
    withLogs(server, async (project) => {
      await project.query(`CREATE FUNCTION full_disk() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`);
      await project.query(
        `CREATE EVENT TRIGGER full_disk ON ddl_command_end WHEN TAG IN ('CREATE TABLE AS') EXECUTE FUNCTION full_disk()`,
      );
      const failed = await project.json('migrate', 'up', '--shadow-url', server.adminUrl);
      expect(failed).toMatchObject({ exitCode: 1, error: { code: 'RESCUE.FAILED' } });
      expect(failed.error?.message).toContain('No space left on device');
      expect(await rowsOf(project)).toEqual({ table: 100, copies: 0 });
    }));

  it('stay where they are when the role may not create the schema, and the printed fix works', () =>
    withLogs(server, async (project) => {
      const [{ database } = { database: '' }] = await project.query<{ database: string }>(
        'SELECT current_database() AS database',
      );
      await project.query(`ALTER TABLE logs OWNER TO ${app.user}`);
      await project.query('ALTER TABLE logs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY');
      await project.query(`GRANT ALL ON SCHEMA dbops, public TO ${app.user}`);
      await project.query(`GRANT ALL ON ALL TABLES IN SCHEMA dbops TO ${app.user}`);
      await project.query(`REVOKE CREATE ON DATABASE "${database}" FROM PUBLIC`);
      const url = new URL(project.url);
      url.username = app.user;
      url.password = app.password;
      const mine = projectOn(url.href, project.root);
      const failed = await mine.json('migrate', 'up', '--shadow-url', server.adminUrl);
      expect(failed).toMatchObject({ exitCode: 3, error: { code: 'RESCUE.FAILED' } });
      expect(await rowsOf(project)).toEqual({ table: 100, copies: 0 });
      const wayOut = /CREATE SCHEMA dbops_rescue AUTHORIZATION \w+/.exec(
        failed.error?.hint ?? '',
      )?.[0];
      await project.query(wayOut ?? '');
      expect(
        (await mine.json('migrate', 'up', '--shadow-url', server.adminUrl)).error,
      ).toBeUndefined();
      expect(await rowsOf(project)).toEqual({ table: 0, copies: 100 });
    }));
});

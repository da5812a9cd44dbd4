import { NO_MIGRATIONS } from 'kysely/migration';
import { describe, expect, it, vi } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { readApplied } from '../../src/runner/tracking-state.ts';
import { withSession } from '../db/session.ts';
import { newest, withDatabase } from '../db/targets.ts';
import { byState, projectOn, shadowsOn, writeProject, type Project } from '../migrate/project.ts';
import { count, files, latest, migrator, outcome } from './kysely-project.ts';
import { describeInterop } from './peer.ts';

describeInterop({
  tool: 'Kysely 0.29',
  format: 'kysely',
  count,
  files,
  up: async (project) => (await latest(project)).length,
  rows: `SELECT name, timestamp ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' AS iso
    FROM kysely_migration ORDER BY timestamp, name`,
});

describe.each(newest)('Kysely beside dbops on $name', (server) => {
  vi.setConfig({ testTimeout: 60_000 });

  const withFolder = (test: (project: Project) => Promise<void>, own = files()) =>
    withDatabase(server, (url) =>
      test(projectOn(url, writeProject({ ...shadowsOn(server), ...own }))),
    );

  const times = async ({ query }: Project) =>
    (
      await query<{ timestamp: string }>('SELECT timestamp FROM kysely_migration ORDER BY name')
    ).map(({ timestamp }) => Date.parse(timestamp));

  it('has the same lock table and row', () =>
    withFolder(async (project) => {
      await project.dbops('migrate', 'up');
      expect(await project.query('SELECT * FROM kysely_migration_lock')).toEqual([
        { id: 'migration_lock', is_locked: 0 },
      ]);
    }));

  it('rolls back what dbops applied, and dbops what Kysely applied', () =>
    withFolder(async (project) => {
      await project.dbops('migrate', 'up');
      const [last] = outcome(await migrator(project, (kysely) => kysely.migrateDown()));
      expect(last).toBe('20260111_count');
      await latest(project);
      expect(byState(await project.json('migrate', 'down'))).toEqual({ done: ['20260111_count'] });
      expect(await latest(project)).toEqual(['20260111_count']);
    }));

  it('rolls back a migration without down, which Kysely skips half-way', () =>
    withFolder(async (project) => {
      await project.dbops('migrate', 'up');
      const { exitCode, migrations } = await project.json('migrate', 'down', '--steps', '3');
      expect(exitCode).toBe(0);
      expect(migrations.map(({ name }) => name)).toContain('20260110_no_down');
      expect(await times(project)).toHaveLength(count - 3);
      await project.dbops('migrate', 'up');
      await migrator(project, (kysely) => kysely.migrateTo(NO_MIGRATIONS));
      expect(await times(project)).toHaveLength(1); // what Kysely leaves
    }));

  it('records times later than those of a clock that was ahead', () =>
    withFolder(async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      await project.query(`UPDATE kysely_migration SET timestamp = '2999-01-01T00:00:00.000Z'`);
      await project.dbops('migrate', 'up', '--steps', '2');
      const start = Date.parse('2999-01-01T00:00:00.000Z');
      expect(await times(project)).toEqual([start, start + 1, start + 2]);
      expect(await latest(project)).toHaveLength(count - 3);
    }));

  it('accepts a migration that was applied out of order', () =>
    withFolder(async (project) => {
      await latest(project);
      project.write({ '20260104_late.ts': 'export const up = async () => {};' });
      expect(byState(await project.json('migrate', 'status'))['out-of-order']).toEqual([
        '20260104_late',
      ]);
      await expect(latest(project)).rejects.toThrow('corrupted migrations');
      await project.dbops('migrate', 'up', '--allow-out-of-order');
      expect(await latest(project)).toEqual([]);
      project.write({ '20260101_before.ts': 'export const up = async () => {};' });
      project.write({ '20260100_first.ts': 'export const up = async () => {};' });
      await project.dbops('migrate', 'up', '--allow-out-of-order');
      expect(await latest(project)).toEqual([]);
    }));

  it('reports rows out of order, and the fix', () =>
    withFolder(async (project) => {
      await latest(project);
      await project.query(`UPDATE kysely_migration SET timestamp = '2020-01-01T00:00:00.000Z'
        WHERE name = '20260103_orders'`);
      await expect(latest(project)).rejects.toThrow('corrupted migrations');
      const [finding] = await findingsOf(project);
      expect(finding).toMatchObject({ code: 'recorded-order', severity: 'error' });
      expect(finding?.message).toContain('20260103_orders, 20260101_accounts');
      await project.query(finding?.help.replace(/^.*?: /, '') ?? '');
      expect(await latest(project)).toEqual([]);
      expect(await findingsOf(project)).toEqual([]);
    }));

  it('reports a time that cannot be parsed', () =>
    withFolder(async (project) => {
      await latest(project);
      await project.query(
        `UPDATE kysely_migration SET timestamp = 'then' WHERE name = '20260103_orders'`,
      );
      expect(await findingsOf(project)).toMatchObject([
        { code: 'invalid-timestamp', where: { migration: '20260103_orders' } },
      ]);
    }));

  it('and dbops agree on a recorded name without a file', () =>
    withFolder(async (project) => {
      await latest(project);
      await project.query(`INSERT INTO kysely_migration VALUES ('20260199_gone', '2999-01-01')`);
      await expect(latest(project)).rejects.toThrow('20260199_gone is missing');
      const status = await project.json('migrate', 'status', '--check');
      expect(status.exitCode).toBe(6);
      expect(byState(status)['missing-file']).toEqual(['20260199_gone']);
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 6 });
    }));

  it('applies after a migration that leaves another search_path, where Kysely itself fails', () =>
    withFolder(
      async (project) => {
        await expect(latest(project)).rejects.toThrow('"kysely_migration" does not exist');
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await latest(project)).toEqual([]);
        expect(await project.dbops('migrate', 'down')).toMatchObject({ exitCode: 0 });
      },
      {
        ...files(0),
        'migrations/20260101_a.ts': `import { sql } from 'kysely';
          export const up = (db: any) => sql.raw('SET LOCAL search_path = pg_catalog').execute(db);
          export const down = up;`,
      },
    ));

  it('finds the tables that kysely.config names', () =>
    withFolder(
      async (project) => {
        await project.dbops('migrate', 'up');
        expect(
          await project.query(`SELECT (SELECT count(*) FROM meta.done)::int AS rows,
            (SELECT is_locked FROM meta.done_lock) AS locked`),
        ).toEqual([{ rows: count, locked: 0 }]);
        expect(await project.json('migrate', 'status', '--check')).toMatchObject({ exitCode: 0 });
      },
      {
        ...files(),
        'kysely.config.ts': `export default { migrations: { migrationTableSchema: "meta",
          migrationTableName: 'done', migrationLockTableName: 'done_lock' } };`,
      },
    ));
});

async function findingsOf({ root, url }: Project) {
  const folder = readFolder({ root });
  return withSession(url, async (session) => (await readApplied(session, folder)).findings);
}

import { describe, expect, vi } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { withProject, type Project } from '../migrate/project.ts';
import { definition, purchases, withShop } from './shop.ts';

vi.setConfig({ testTimeout: 60_000 });

const traces = async (project: Project) => {
  const triggers = await project.query("SELECT FROM pg_trigger WHERE tgname LIKE 'zz_dbops%'");
  const functions = await project.query(
    "SELECT FROM pg_proc WHERE pronamespace = to_regnamespace('dbops')",
  );
  return triggers.length + functions.length;
};

describe.each(servers)('the trigger of a backfill on $name', (server) => {
  const it = inTurn(server, servers);
  it('is dropped by the command that the run has printed, although only flags defined it', () =>
    withShop(server, { purchases: 10 }, async (project) => {
      const { stdout } = await project.dbops('backfill', 'run', ...definition);
      const hint = `dbops backfill run ${purchases} --remove-trigger`;
      expect(stdout).toContain(hint);
      expect(await traces(project)).toBe(4);
      const [, ...words] = hint.split(' ');
      expect(await project.json(...words)).toMatchObject({ exitCode: 0, rowsDone: 10 });
      expect(await traces(project)).toBe(0);
      const unknown = await project.json('backfill', 'run', 'purchases.amount');
      expect(unknown).toMatchObject({ exitCode: 2, error: { code: 'BACKFILL.UNKNOWN' } });
    }));

  it.each([
    ['source', 'DROP TABLE content'],
    ['column', 'ALTER TABLE purchases DROP COLUMN organization_id'],
    ['table', 'DROP TABLE purchases'],
    [
      'reference, with a new name for the table',
      'ALTER TABLE purchases DROP COLUMN content_id CASCADE; ALTER TABLE purchases RENAME TO "Sales"',
    ],
  ])('is dropped by --remove-trigger after its %s was dropped', (_, sql) =>
    withShop(server, { purchases: 10 }, async (project) => {
      await project.json('backfill', 'run', ...definition);
      await project.query(sql);
      const removed = await project.json('backfill', 'run', purchases, '--remove-trigger');
      expect(removed).toMatchObject({ exitCode: 0, state: 'obsolete', hasTrigger: false });
      expect(await traces(project)).toBe(0);
      expect(await project.json('backfill', 'status', purchases)).toMatchObject({
        hasTrigger: false,
      });
    }),
  );

  it.each([
    ['enforces the column', 'ALTER TABLE t ALTER v SET NOT NULL', 0],
    ['drops the column', 'ALTER TABLE t DROP COLUMN v', 0],
    ['drops the source', 'DROP TABLE s', 0],
    ['does something else', 'ALTER TABLE t ADD COLUMN w int', 4],
  ])('after a migration that %s, without naming the backfill', (_, sql, left) =>
    withProject(
      server,
      {
        '0001_t.up.sql': `CREATE TABLE s (id int PRIMARY KEY, v int); CREATE TABLE t (id int PRIMARY KEY, v int);
          INSERT INTO s SELECT n, n FROM generate_series(1, 9) n; INSERT INTO t SELECT n FROM generate_series(1, 9) n`,
        '0002_next.up.sql': sql,
      },
      async (project) => {
        await project.json('migrate', 'up', '--to', '1');
        const words = ['--table', 't', '--set', 'v = s.v', '--from', 's', '--on', 's.id = t.id'];
        expect(await project.json('backfill', 'run', ...words)).toMatchObject({ exitCode: 0 });
        expect(await traces(project)).toBe(4);
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await traces(project)).toBe(left);
      },
    ),
  );

  it('goes with the column that a rollback drops', () =>
    withProject(
      server,
      {
        '0001_t.up.sql': 'CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)',
        '0002_v.up.sql': 'ALTER TABLE t ADD COLUMN v int',
        '0002_v.down.sql': 'ALTER TABLE t DROP COLUMN v',
      },
      async (project) => {
        await project.json('migrate', 'up');
        await project.json('backfill', 'run', '--table', 't', '--set', 'v = id');
        expect(await traces(project)).toBeGreaterThan(0);
        expect((await project.json('migrate', 'down')).error).toBeUndefined();
        expect(await traces(project)).toBe(0);
      },
    ));
});

import { describe, expect, vi } from 'vitest';
import { inTurn, mostlyServers, targets } from '../db/targets.ts';
import { catalogOf } from '../reference/catalog.ts';
import { byState, exists, tracked, withProject, type Project } from './project.ts';

// PGlite opens in half a second, and on a busy machine in several; some tests open it ten times.
vi.setConfig({ testTimeout: 60_000 });

/** Three migrations of a table each; every one needs the one before. */
const chain = {
  '0001_a.up.sql': 'CREATE TABLE a (id int PRIMARY KEY);',
  '0001_a.down.sql': 'DROP TABLE a;',
  '0002_b.up.sql': 'CREATE TABLE b (id int REFERENCES a);',
  '0002_b.down.sql': 'DROP TABLE b;',
  '0010_c.up.sql': 'CREATE VIEW c AS SELECT * FROM b;',
  '0010_c.down.sql': 'DROP VIEW c;',
};

const names = ['0001_a', '0002_b', '0010_c'];

describe.each(targets)('migrate on $name', (target) => {
  const it = inTurn(target, mostlyServers);
  it('applies in order, records each, and then has nothing to do', () =>
    withProject(target, chain, async (project) => {
      const pending = await project.json('migrate', 'status', '--check');
      expect(pending).toMatchObject({ exitCode: 5, ok: false });
      expect(byState(pending)).toEqual({ pending: names });

      const up = await project.json('migrate', 'up');
      expect(up).toMatchObject({ exitCode: 0, ok: true });
      expect(byState(up)).toEqual({ done: names });
      expect(await tracked(project)).toEqual(names);

      const applied = await project.json('migrate', 'status', '--check');
      expect(applied.exitCode).toBe(0);
      expect(byState(applied)).toEqual({ applied: names });

      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0, migrations: [] });
    }));

  it('rolls back the newest first, as far as asked', () =>
    withProject(target, chain, async (project) => {
      await project.dbops('migrate', 'up');
      const one = await project.json('migrate', 'down');
      expect(byState(one)).toEqual({ done: ['0010_c'] });
      expect(one.migrations[0]).toMatchObject({ direction: 'down', rollback: { source: 'file' } });
      const two = await project.json('migrate', 'down', '--steps', '2');
      expect(byState(two)).toEqual({ done: ['0002_b', '0001_a'] });

      await project.dbops('migrate', 'up');
      const after = await project.json('migrate', 'down', '--to', '0002_b');
      expect(byState(after)).toEqual({ done: ['0010_c'] });
      const all = await project.json('migrate', 'down', '--to', '0');
      expect(byState(all)).toEqual({ done: ['0002_b', '0001_a'] });
      expect(await catalogOf(project)).toEqual([]);
      expect(await project.json('migrate', 'down')).toMatchObject({ exitCode: 0, migrations: [] });
    }));

  it('applies as far as asked', () =>
    withProject(target, chain, async (project) => {
      expect(byState(await project.json('migrate', 'up', '--steps', '1'))).toEqual({
        done: ['0001_a'],
      });
      expect(byState(await project.json('migrate', 'up', '--to', '2'))).toEqual({
        done: ['0002_b'],
      });
      expect(byState(await project.json('migrate', 'up', '--to', '0002_b'))).toEqual({});
    }));

  it('does nothing for a --to that it cannot find', () =>
    withProject(target, chain, async (project) => {
      for (const to of ['0003', '00', 'b']) {
        const { exitCode, error } = await project.json('migrate', 'up', '--to', to);
        expect({ exitCode, code: error?.code }).toEqual({ exitCode: 2, code: 'MIGRATION.UNKNOWN' });
      }
      expect(await exists(project, 'dbops.migrations')).toBe(false);
    }));

  it('changes nothing with --dry-run, not even the schema dbops', () =>
    withProject(target, chain, async (project) => {
      const up = await project.dbops('migrate', 'up', '--dry-run');
      expect(up.exitCode).toBe(0);
      expect(up.stdout).toMatch(/0001_a[^]*CREATE TABLE a[^]*CREATE TABLE b[^]*CREATE VIEW c/);
      expect(await catalogOf(project)).toEqual([]);
      expect(await schemas(project)).not.toContain('dbops');

      await project.dbops('migrate', 'up');
      const before = await catalogOf(project);
      const down = await project.dbops('migrate', 'down', '--to', '0', '--dry-run');
      expect(down.stdout).toMatch(/DROP VIEW c[^]*DROP TABLE b[^]*DROP TABLE a/);
      expect(await catalogOf(project)).toEqual(before);
      expect(await tracked(project)).toEqual(names);
    }));

  it('rolls a failing file back, says where it failed, and keeps the ones before it', () =>
    withProject(target, chain, async (project) => {
      project.write({ '0002_b.up.sql': 'CREATE TABLE b ();\n\nSELECT 1;\nSELECT 1/0;\n' });
      const answer = await project.dbops('migrate', 'up');
      expect(answer.exitCode).toBe(1);
      expect(answer.stderr).toContain('migrations/0002_b.up.sql:4');
      expect(answer.stderr).toContain('SQLSTATE 22012');
      expect(answer.stderr).toContain('rolled back');
      expect(await tracked(project)).toEqual(['0001_a']);
      expect(await exists(project, 'b')).toBe(false);

      const again = await project.json('migrate', 'up');
      expect(byState(again)).toEqual({ failed: ['0002_b'], 'not-run': ['0010_c'] });
      project.write({ '0002_b.up.sql': chain['0002_b.up.sql'] });
      expect(byState(await project.json('migrate', 'up'))).toEqual({ done: ['0002_b', '0010_c'] });
    }));

  it('refuses a rollback that fails in the shadow; run all the same, it is rolled back', () =>
    withProject(target, chain, async (project) => {
      await project.dbops('migrate', 'up');
      const before = await catalogOf(project);
      project.write({ '0010_c.down.sql': 'DROP VIEW c; DROP TABLE missing;' });
      const refused = await project.json('migrate', 'down');
      expect(refused).toMatchObject({ exitCode: 2, error: { code: 'ROLLBACK.UNPROVEN' } });
      expect(refused.error?.message).toContain('table "missing" does not exist');
      const down = await project.json('migrate', 'down', '--unproven');
      expect(down).toMatchObject({ exitCode: 1, error: { code: 'MIGRATION.FAILED' } });
      expect(await catalogOf(project)).toEqual(before);
      expect(await tracked(project)).toEqual(names);
    }));

  it('begins no rollback when one of them is not proven', () =>
    withProject(target, { ...chain, '0001_a.down.sql': 'SELECT 1' }, async (project) => {
      await project.dbops('migrate', 'up');
      const down = await project.json('migrate', 'down', '--to', '0');
      expect(down).toMatchObject({ exitCode: 2, error: { code: 'ROLLBACK.UNPROVEN' } });
      expect(await tracked(project)).toEqual(names);
    }));

  it('derives the rollback of a migration without a down, among others', () =>
    withProject(target, { ...chain, '0011_d.up.sql': 'CREATE TABLE d ()' }, async (project) => {
      await project.dbops('migrate', 'up');
      const down = await project.json('migrate', 'down', '--steps', '2');
      expect(down).toMatchObject({ exitCode: 0 });
      expect(down.migrations).toMatchObject([
        { name: '0011_d', state: 'done', rollback: { source: 'derived', proven: true } },
        { name: '0010_c', state: 'done', rollback: { source: 'file', proven: true } },
      ]);
      expect(await exists(project, 'd')).toBe(false);
      expect(await tracked(project)).toEqual(['0001_a', '0002_b']);
    }));

  it('takes CRLF and a BOM for the same migration, and any other change for an edit', () =>
    withProject(target, chain, async (project) => {
      await project.dbops('migrate', 'up');
      const sql = chain['0001_a.up.sql'];
      project.write({ '0001_a.up.sql': `\uFEFF${sql}` });
      expect(byState(await project.json('migrate', 'status'))).toEqual({ applied: names });

      project.write({ '0001_a.up.sql': `${sql}\n` });
      const edited = await project.json('migrate', 'status', '--check');
      expect(edited.exitCode).toBe(6);
      expect(byState(edited)).toEqual({ edited: ['0001_a'], applied: ['0002_b', '0010_c'] });
      for (const verb of ['up', 'down'])
        expect((await project.json('migrate', verb)).exitCode).toBe(6);
      expect(await tracked(project)).toEqual(names);
    }));

  it('keeps settings that a file leaks from the files after it', () =>
    withProject(
      target,
      {
        '0001_leak.up.sql': `CREATE SCHEMA other;
          SET search_path = other; SET lock_timeout = '77s'; SET TimeZone = 'Asia/Kathmandu';
          SET default_transaction_read_only = on; SET session_replication_role = replica;`,
        '0002_see.up.sql': `CREATE TABLE seen AS SELECT name, setting FROM pg_settings
          WHERE name IN ('search_path', 'lock_timeout', 'TimeZone', 'session_replication_role');`,
        '0003_step.up.sql': `-- dbops: no-transaction
          SET search_path = other;
          SELECT 1;`,
        '0004_again.up.sql': `CREATE TABLE seen_again AS TABLE seen WITH NO DATA;
          INSERT INTO seen_again SELECT name, setting FROM pg_settings
           WHERE name IN (SELECT name FROM seen);`,
      },
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        for (const table of ['public.seen', 'public.seen_again']) {
          const rows = await project.query<{ name: string; setting: string }>(
            `SELECT * FROM ${table}`,
          );
          const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
          expect(settings['search_path']).toMatch(/public/);
          expect(settings['lock_timeout']).toBe('2000');
          expect(settings['TimeZone']).not.toMatch(/Kathmandu/);
          expect(settings['session_replication_role']).toBe('origin');
        }
      },
    ));

  it('writes its rows as itself, whichever role a file takes', () =>
    withProject(
      target,
      {
        '0001_role.up.sql': `DO $$ BEGIN CREATE ROLE guest_${target.major}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
          SET ROLE guest_${target.major};`,
        '0002_table.up.sql': 'CREATE TABLE mine ();',
      },
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        const [owner] = await project.query(
          `SELECT relowner::regrole::text AS role FROM pg_class WHERE relname = 'mine'`,
        );
        expect(owner).toEqual({ role: 'postgres' });
      },
    ));

  it('runs files of every shape', () =>
    withProject(
      target,
      {
        '0001_comment.up.sql': 'CREATE TABLE ends_in_comment ();\n-- the end',
        '0002_block.up.sql': 'CREATE TABLE ends_in_block_comment () /* the end */',
        '0003_empty.up.sql': '',
        '0004_only_comment.up.sql': '-- later',
        '0005_bom.up.sql': '\uFEFFCREATE TABLE after_bom ();',
        '0006_crlf.up.sql': '-- a\r\nCREATE TABLE\r\n  crlf ();\r\n',
        '0007_body.up.sql': `CREATE FUNCTION one() RETURNS int LANGUAGE plpgsql AS $body$
          BEGIN BEGIN RETURN 1; EXCEPTION WHEN OTHERS THEN RETURN 2; END; END $body$;
          CREATE FUNCTION two() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 2; END;
          COMMENT ON FUNCTION one() IS 'begin; commit; rollback';`,
        '0008_quotes.up.sql': `CREATE TABLE "o''; COMMIT; --" (x text DEFAULT $$it's; ok$$);`,
        "0009_it's.up.sql": 'CREATE TABLE quoted_name ();',
      },
      async (project) => {
        expect(await project.dbops('migrate', 'up', '--allow-empty')).toMatchObject({
          exitCode: 0,
        });
        expect(await tracked(project)).toHaveLength(9);
        for (const table of ['ends_in_comment', 'ends_in_block_comment', 'after_bom', 'crlf'])
          expect(await exists(project, table)).toBe(true);
        expect(await project.query('SELECT one() + two() AS sum')).toEqual([{ sum: 3 }]);
      },
    ));

  it('refuses a file that cannot run in one transaction, before it starts', () =>
    withProject(target, {}, async (project) => {
      const control = 'MIGRATION.TRANSACTION_CONTROL';
      const files = [
        ['CREATE TABLE half ();\nCOMMIT;\nSELECT 1/0;', control],
        ['BEGIN;\nCREATE TABLE half ();\nCOMMIT;', control],
        ['CREATE TABLE half ();\nROLLBACK;', control],
        ['CREATE TABLE half ();\nSTART TRANSACTION;', control],
        ['CREATE TABLE half ();\nEND;', control],
        [`CREATE TABLE half ();\nPREPARE TRANSACTION 'half';`, control],
        ['-- dbops: no-transaction\nCREATE TABLE half ();\nBEGIN;', control],
        ['CREATE TABLE half (x int);\nCOPY half FROM stdin;', 'MIGRATION.COPY'],
      ];
      for (const [sql = '', expected] of files) {
        project.write({ '0001_half.up.sql': sql });
        const { exitCode, error } = await project.json('migrate', 'up');
        expect({ sql, exitCode, code: error?.code }).toEqual({ sql, exitCode: 2, code: expected });
      }
      expect(await catalogOf(project)).toEqual([]);
    }));

  it('rolls back a file that would swallow its tracking row', () =>
    withProject(target, {}, async (project) => {
      for (const end of ['/* open', '$$ open', `'open`, 'SELECT (']) {
        project.write({ '0001_open.up.sql': `CREATE TABLE half ();\n${end}` });
        expect({ end, ...(await project.json('migrate', 'up')) }).toMatchObject({
          end,
          exitCode: 1,
          error: { code: 'MIGRATION.FAILED' },
        });
      }
      expect(await catalogOf(project)).toEqual([]);
    }));

  it('asks before it applies a migration that is older than an applied one', () =>
    withProject(target, chain, async (project) => {
      await project.dbops('migrate', 'up');
      project.write({ '0003_late.up.sql': 'CREATE TABLE late ();' });
      expect(byState(await project.json('migrate', 'status'))).toMatchObject({
        'out-of-order': ['0003_late'],
      });
      expect(await project.json('migrate', 'up')).toMatchObject({
        exitCode: 2,
        error: { code: 'MIGRATION.OUT_OF_ORDER' },
      });
      const up = await project.json('migrate', 'up', '--allow-out-of-order');
      expect(byState(up)).toEqual({ done: ['0003_late'] });
    }));
});

async function schemas({ query }: Project): Promise<string[]> {
  const rows = await query<{ name: string }>('SELECT nspname::text AS name FROM pg_namespace');
  return rows.map(({ name }) => name);
}

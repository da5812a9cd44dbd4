import { describe, expect, it, vi } from 'vitest';
import { inTurn, newest, newestAndEmbedded } from '../../db/targets.ts';
import { withAnyShadow } from '../project.ts';

// The first proof of a folder opens an embedded shadow.
vi.setConfig({ testTimeout: 120_000 });

const table = {
  '0001_job.up.sql':
    'CREATE TABLE "Job" (id int PRIMARY KEY, line text, code varchar(9) UNIQUE); INSERT INTO "Job" VALUES (1, \'a\')',
};

const fill = {
  '0002_fill.up.sql': `ALTER TABLE "Job" ADD COLUMN note text;
    INSERT INTO "Job" (line, id) VALUES ('fill', 7), ('more', 8);`,
};

describe.each(newestAndEmbedded)('rows that a rollback leaves on $name', (target) => {
  const it = inTurn(target, newestAndEmbedded);
  it('are named by the receipt, and by redo and up before anything runs', () =>
    withAnyShadow(target, { ...table, ...fill }, async (project) => {
      expect((await project.json('migrate', 'up')).error).toBeUndefined();
      const receipt = await project.dbops('migrate', 'down', '--dry-run');
      expect(receipt.stdout).toContain(
        '-- 2 rows that 0002_fill inserted stay in public.Job (id 7; 8); applying 0002_fill again may fail on them',
      );
      const redo = await project.json('migrate', 'redo');
      expect(redo).toMatchObject({ exitCode: 1, error: { code: 'MIGRATION.ROWS_EXIST' } });
      expect(redo.error?.message).toContain('Key (id)=(7) already exists.');
      expect(await project.query('SELECT count(*)::int AS n FROM dbops.migrations')).toEqual([
        { n: 2 },
      ]);

      const down = await project.json('migrate', 'down');
      expect(down).toMatchObject({
        exitCode: 0,
        migrations: [
          {
            rollback: {
              proven: true,
              staying: [
                { table: 'Job', rows: 2, keys: [{ columns: ['id'], values: [['7'], ['8']] }] },
              ],
            },
          },
        ],
      });
      project.write({ '0003_next.up.sql': 'CREATE TABLE next ()' });
      const up = await project.json('migrate', 'up');
      expect(up).toMatchObject({ exitCode: 1, error: { code: 'MIGRATION.ROWS_EXIST' } });
      const deletions = up.error?.hint.match(/DELETE FROM "public"[^;]+;/g) ?? [];
      expect(deletions).toHaveLength(2);
      for (const sql of deletions) await project.query(sql);
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
    }));

  it('are not mentioned where the down file deletes them, the rollback drops their table, or a conflict is ignored', () =>
    withAnyShadow(
      target,
      {
        ...table,
        ...fill,
        '0002_fill.down.sql': 'DELETE FROM "Job" WHERE id > 6; ALTER TABLE "Job" DROP COLUMN note',
        '0003_own.up.sql': 'CREATE TABLE own (id int PRIMARY KEY); INSERT INTO own VALUES (1)',
        '0004_again.up.sql': `INSERT INTO "Job" (id) VALUES (9) ON CONFLICT DO NOTHING`,
      },
      async (project) => {
        await project.json('migrate', 'up');
        const redo = await project.json('migrate', 'redo', '--steps', '3');
        expect({ exitCode: redo.exitCode, error: redo.error }).toEqual({ exitCode: 0 });
        const { stdout } = await project.dbops('migrate', 'down', '--steps', '3', '--dry-run');
        expect(stdout).toContain('1 row that 0004_again inserted stays in public.Job (id 9)\n');
        expect(stdout.match(/inserted stay/g)).toHaveLength(1);
      },
    ));
});

describe.each(newest)('keys that a migration inserts on $name', (target) => {
  it('are not checked where an object of the file exists: it may be applied already', () =>
    withAnyShadow(
      target,
      {
        ...table,
        '0002_next.up.sql': `CREATE TABLE next (); INSERT INTO "Job" (id) VALUES (7)`,
      },
      async (project) => {
        await project.json('migrate', 'up');
        await project.query("DELETE FROM dbops.migrations WHERE name = '0002_next'");
        expect(await project.json('migrate', 'up')).toMatchObject({
          exitCode: 6,
          error: { code: 'TRACKING.DESYNCHRONISED' },
        });
      },
    ));

  it('are not checked after a DELETE, or where a trigger changes the key', () =>
    withAnyShadow(target, table, async (project) => {
      await project.json('migrate', 'up');
      await project.query(`CREATE TABLE numbered (id int PRIMARY KEY); INSERT INTO numbered VALUES (1);
        CREATE FUNCTION number() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id + 1; RETURN NEW; END $$;
        CREATE TRIGGER number BEFORE INSERT ON numbered FOR EACH ROW EXECUTE FUNCTION number()`);
      project.write({
        '0002_again.up.sql': `INSERT INTO numbered VALUES (1); DELETE FROM "Job" WHERE id = 1; INSERT INTO "Job" (id) VALUES (1)`,
      });
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
    }));
});

describe.each(newestAndEmbedded)('a NOT NULL that a rollback adds again on $name', (target) => {
  const it = inTurn(target, newestAndEmbedded);
  const tables = {
    '0001_t.up.sql': `CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL DEFAULT 'x', b int NOT NULL DEFAULT 5,
      c text NOT NULL, d text NOT NULL, e text NOT NULL, f text NOT NULL, g text NOT NULL)`,
  };
  const drop = (...columns: string[]) => ({
    '0002_less.up.sql': columns.map((name) => `ALTER TABLE t ${name};`).join('\n'),
  });

  it('gives its default to rows that were written without a value', () =>
    withAnyShadow(
      target,
      { ...tables, ...drop('DROP COLUMN a', 'ALTER b DROP NOT NULL', 'ALTER b DROP DEFAULT') },
      async (project) => {
        await project.json('migrate', 'up', '--to', '1');
        await project.query(`INSERT INTO t VALUES (1, 'old', 1, '', '', '', '', '')`);
        await project.json('migrate', 'up');
        await project.query(`INSERT INTO t (id, c, d, e, f, g) VALUES (2, '', '', '', '', '')`);
        const down = await project.json('migrate', 'down');
        expect({ exitCode: down.exitCode, error: down.error }).toEqual({ exitCode: 0 });
        expect(await project.query('SELECT id, a, b FROM t ORDER BY id')).toEqual([
          { id: 1, a: 'old', b: 1 },
          { id: 2, a: 'x', b: 5 },
        ]);
      },
    ));

  it('names all columns at once whose rows have neither a value nor a default', () =>
    withAnyShadow(
      target,
      {
        ...tables,
        ...drop(
          'DROP COLUMN c',
          'ALTER d DROP NOT NULL',
          'DROP COLUMN e',
          'ALTER f DROP NOT NULL',
          'DROP COLUMN g',
          'ALTER a DROP NOT NULL',
        ),
      },
      async (project) => {
        await project.json('migrate', 'up');
        await project.query(`INSERT INTO t (id, a) VALUES (2, NULL)`);
        const down = await project.json('migrate', 'down');
        expect(down).toMatchObject({ exitCode: 1, error: { code: 'MIGRATION.FAILED' } });
        for (const column of ['c', 'd', 'e', 'f', 'g'])
          expect(down.error?.message).toContain(`1 row of public.t has no ${column}`);
        expect(down.error?.message).not.toContain('has no a');
      },
    ));
});

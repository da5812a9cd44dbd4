import { sql } from 'drizzle-orm-1';
import { drizzle } from 'drizzle-orm-1/node-postgres';
import { migrate } from 'drizzle-orm-1/node-postgres/migrator';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { newest, withDatabase } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  withClient,
  writeInto,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { catalogOf } from '../reference/catalog.ts';
import { datedFolder, folderName, generatedAt, migrations } from './drizzle-migrations.ts';
import { describeInterop } from './peer.ts';

/** Lets Drizzle migrate; answers how many migrations it has recorded. */
function runDrizzle({ root, url }: Pick<Project, 'root' | 'url'>): Promise<number> {
  return withClient(url, async (client) => {
    const db = drizzle({ client });
    const recorded = async () => {
      const name = 'drizzle.__drizzle_migrations';
      const { rows } = await db.execute(sql`SELECT to_regclass(${name}) IS NOT NULL AS found`);
      return rows[0]?.['found'] ? db.$count(sql.raw(name)) : 0;
    };
    const before = await recorded();
    await migrate(db, { migrationsFolder: `${root}/drizzle` });
    return (await recorded()) - before;
  });
}

const allRows =
  'SELECT id, hash, created_at, name, applied_at IS NULL AS backfilled FROM drizzle.__drizzle_migrations ORDER BY id';

describeInterop({
  tool: 'drizzle-orm 1.0.0-rc.5',
  format: 'drizzle',
  count: migrations.length,
  files: (count) => datedFolder(migrations.slice(0, count)),
  up: runDrizzle,
  rows: allRows,
});

const four = ['a', 'b', 'c', 'd'].map((name) => [name, `CREATE TABLE ${name} (id int);`] as const);

describe.each(newest)('dbops between drizzle-orm 0.x and 1.0.0-rc.5, on $name', (server) => {
  const files = {
    ...datedFolder(four),
    // Two of one second, as a script may generate them, and two of one content.
    [`drizzle/${folderName(5, 'twin_e')}/migration.sql`]: 'CREATE TABLE e (id int);',
    [`drizzle/${folderName(5, 'twin_f')}/migration.sql`]: 'CREATE TABLE f (id int);',
    [`drizzle/${folderName(6, 'empty')}/migration.sql`]: '-- nothing',
    [`drizzle/${folderName(7, 'empty')}/migration.sql`]: '-- nothing',
  };

  /** With the tracking table as 0.x has left it: these migrations, at these times. */
  const withOldTable = (
    rows: readonly (readonly [sql: string, createdAt: number | null])[],
    test: (project: Project) => Promise<void>,
  ) =>
    withDatabase(server, async (url) => {
      const project = projectOn(url, writeProject(files));
      await project.query('CREATE SCHEMA drizzle');
      await project.query(
        'CREATE TABLE drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)',
      );
      for (const [text, createdAt] of rows) {
        await project.query(text);
        await project.query(
          `INSERT INTO drizzle.__drizzle_migrations (hash, created_at)
           VALUES (encode(sha256(convert_to($1, 'UTF8')), 'hex'), $2)`,
          [text, createdAt],
        );
      }
      await test(project);
    });

  const a = ['CREATE TABLE a (id int);', generatedAt(0)] as const;
  const f = ['CREATE TABLE f (id int);', generatedAt(5) + 100] as const;
  const e = ['CREATE TABLE e (id int);', generatedAt(5)] as const;
  const moved = ['CREATE TABLE c (id int);', generatedAt(30)] as const;
  const timeless = ['CREATE TABLE b (id int);', null] as const;
  const empty = ['-- nothing', generatedAt(40)] as const;

  it.each([
    ['of the same second', [a, f, e]],
    ['at another time', [a, moved]],
    ['without a time', [a, timeless]],
    ['of the same content', [a, empty]],
  ])('takes over rows %s as Drizzle does', (_, rows) =>
    withOldTable(rows, async (project) => {
      const status = await project.json('migrate', 'status');
      const asked = byState(status)['applied'];
      expect(JSON.stringify(status['findings'])).not.toContain('row-without-name');
      expect(await columnsOf(project)).not.toContain('name');
      const up = await project.json('migrate', 'up', '--allow-empty', '--allow-out-of-order');
      expect(up).toMatchObject({ exitCode: 0 });
      const taken = (await project.query<{ name: string }>(allRows)).slice(0, rows.length);
      expect(taken.map(({ name }) => name).toSorted()).toEqual(asked?.toSorted());
      expect(await runDrizzle(project)).toBe(0);
      const catalog = await catalogOf(project);

      await withOldTable(rows, async (other) => {
        await runDrizzle(other);
        expect(await other.query(allRows)).toEqual(await project.query(allRows));
        expect(catalog).toEqual(await catalogOf(other));
      });
    }),
  );

  it('reports a file that was edited before the upgrade, which Drizzle never notices', () =>
    withOldTable([['CREATE TABLE a ();', generatedAt(0)]], async (project) => {
      const edited = [folderName(0, 'a')];
      expect(byState(await project.json('migrate', 'status'))).toMatchObject({ edited });
      await runDrizzle(project);
      expect(byState(await project.json('migrate', 'status'))).toMatchObject({ edited });
    }));

  it('stops at rows that have no migration, as Drizzle does', () =>
    withOldTable([a, ['CREATE TABLE z (id int);', 1]], async (project) => {
      await expect(runDrizzle(project)).rejects.toThrow('do not match any local migration');
      expect((await project.json('migrate', 'up')).exitCode).toBe(6);
      expect((await project.json('migrate', 'status'))['findings']).toContainEqual(
        expect.objectContaining({
          code: 'missing-file',
          message: expect.stringContaining('Row 2 of drizzle.__drizzle_migrations'),
        }),
      );
      expect(await columnsOf(project)).not.toContain('name');
    }));
});

const found = z.array(z.object({ code: z.string(), help: z.string() }));

describe.each(newest)('dbops beside drizzle-orm 1.0.0-rc.5, on $name', (server) => {
  const withFour = (test: (project: Project) => Promise<void>) =>
    withDatabase(server, async (url) => {
      const project = projectOn(url, writeProject(datedFolder(four)));
      await runDrizzle(project);
      await test(project);
    });

  const expectRepair = async (project: Project, code: string) => {
    await expect(runDrizzle(project)).rejects.toThrow('CREATE TABLE c');
    const { findings } = await project.json('migrate', 'status');
    const [finding, ...others] = found.parse(findings);
    expect(finding?.code).toBe(code);
    await project.query(finding?.help.replace(/^.*: /, '') ?? '');
    expect(await runDrizzle(project)).toBe(0);
    expect((await project.json('migrate', 'status', '--check')).exitCode).toBe(0);
    return others;
  };

  it('knows the migration of a row without a name, which Drizzle would run again', () =>
    withFour(async (project) => {
      await project.query('UPDATE drizzle.__drizzle_migrations SET name = NULL WHERE id = 3');
      expect(byState(await project.json('migrate', 'status'))['applied']).toHaveLength(4);
      expect(await expectRepair(project, 'row-without-name')).toEqual([]);
    }));

  it('stops at a migration that was recorded by another name, which Drizzle would run again', () =>
    withFour(async (project) => {
      await project.query(`UPDATE drizzle.__drizzle_migrations SET name = 'x' WHERE id = 3`);
      expect((await project.json('migrate', 'up')).exitCode).toBe(6);
      await expectRepair(project, 'missing-file');
    }));

  it('rolls back what Drizzle then applies again', () =>
    withFour(async (project) => {
      const folder = folderName(3, 'd');
      writeInto(project.root, { [`drizzle/${folder}/down.sql`]: 'DROP TABLE d;' });
      expect((await project.json('migrate', 'down')).exitCode).toBe(0);
      expect(await runDrizzle(project)).toBe(1);
      expect(await exists(project, 'd')).toBe(true);
    }));
});

async function columnsOf({ query }: Project): Promise<string[]> {
  const rows = await query<{ attname: string }>(
    `SELECT attname FROM pg_attribute WHERE attrelid = 'drizzle.__drizzle_migrations'::regclass
       AND attnum > 0 AND NOT attisdropped`,
  );
  return rows.map(({ attname }) => attname);
}

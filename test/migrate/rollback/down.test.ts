import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { inTurn, newest, newestAndEmbedded } from '../../db/targets.ts';
import {
  byState,
  exists,
  until,
  untilRunning,
  withClient,
  withProject,
  withServerShadow,
  type Project,
} from '../project.ts';

// The first proof of a folder opens an embedded shadow.
vi.setConfig({ testTimeout: 120_000 });

/** Prisma: nothing has a rollback, and the second file destroys. */
const shop = {
  'migration_lock.toml': 'provider = "postgresql"\n',
  '20260101000000_init/migration.sql': `CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');
    CREATE TABLE "User" (id int PRIMARY KEY, email text NOT NULL, nick text NOT NULL, role "Role" NOT NULL DEFAULT 'USER', seen timestamptz);
    CREATE TABLE "Note" (id int PRIMARY KEY, "userId" int NOT NULL REFERENCES "User", body text NOT NULL);`,
  '20260102000000_change/migration.sql': `ALTER TABLE "User" DROP COLUMN nick;
    ALTER TABLE "User" RENAME COLUMN email TO mail;
    ALTER TABLE "User" ALTER seen TYPE boolean USING seen IS NOT NULL;
    ALTER TYPE "Role" ADD VALUE 'OWNER';
    DROP TABLE "Note";`,
};

const rows = `INSERT INTO "User" SELECT n, 'mail' || n, 'nick' || n, CASE n % 2 WHEN 0 THEN 'ADMIN'::"Role" ELSE 'USER' END,
    CASE n % 3 WHEN 0 THEN timestamptz '2026-01-01Z' + n * interval '1 hour' END FROM generate_series(1, 50) n;
  INSERT INTO "Note" SELECT n, 1 + n % 50, 'body' || n FROM generate_series(1, 80) n`;

/** What the tables of the first file hold, whatever the order of their columns is. */
async function contentOf({ query }: Project): Promise<unknown> {
  const users = await query(
    'SELECT id, email, nick, role::text, seen::text FROM "User" ORDER BY id',
  );
  return { users, notes: await query('SELECT id, "userId", body FROM "Note" ORDER BY id') };
}

describe.each(newestAndEmbedded)(
  'migrate down of a folder without rollbacks, on $name',
  (target) => {
    const it = inTurn(target, newestAndEmbedded);
    it('derives them, proves them, and loses no row', () =>
      withProject(target, shop, async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        for (const sql of rows.split(';')) await project.query(sql);
        const before = await contentOf(project);
        expect((await project.json('migrate', 'up')).exitCode).toBe(0);
        expect(await exists(project, '"Note"')).toBe(false);

        const down = await project.json('migrate', 'down');
        expect(down).toMatchObject({
          exitCode: 0,
          migrations: [
            {
              name: '20260102000000_change',
              direction: 'down',
              state: 'done',
              rollback: { source: 'derived', proven: true, doubts: [] },
            },
          ],
        });
        expect(await contentOf(project)).toEqual(before);

        // The way there again, and back again.
        expect((await project.json('migrate', 'up', '--yes')).exitCode).toBe(0);
        expect(byState(await project.json('migrate', 'down'))).toEqual({
          done: ['20260102000000_change'],
        });
        expect(await contentOf(project)).toEqual(before);
      }));

    it('saves the rows of what it drops, and restores them on the way up', () =>
      withProject(target, shop, async (project) => {
        await project.dbops('migrate', 'up', '--steps', '1');
        for (const sql of rows.split(';')) await project.query(sql);
        const before = await contentOf(project);
        const down = await project.json('migrate', 'down', '--to', '0');
        expect(down['rescued']).toMatchObject([
          { table: 'Note', rows: 80 },
          { table: 'User', rows: 50 },
        ]);
        expect(await exists(project, '"User"')).toBe(false);
        expect((await project.json('migrate', 'up', '--steps', '1', '--yes')).exitCode).toBe(0);
        expect(await contentOf(project)).toEqual(before);
      }));
  },
);

const pair = {
  '0001_a.up.sql': 'CREATE TABLE a (id int PRIMARY KEY, n int);',
  '0001_a.down.sql': 'DROP TABLE a;',
  '0002_b.up.sql': 'CREATE INDEX i ON a (n); ALTER TABLE a ADD v int;',
  '0002_b.down.sql': 'ALTER TABLE a DROP COLUMN v;',
};

describe.each(newest)('migrate down, on $name', (on) => {
  it('refuses a rollback that does not restore the schema, and names the difference', () =>
    withServerShadow(on, pair, async (project) => {
      await project.dbops('migrate', 'up');
      const refused = await project.dbops('migrate', 'down');
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain('0002_b (down migration of the folder)');
      expect(refused.stderr).toContain('index i on public.a is unexpected');
      expect(await exists(project, 'i')).toBe(true);

      const dry = await project.json('migrate', 'down', '--dry-run');
      expect(dry.migrations[0]).toMatchObject({ rollback: { source: 'file', proven: false } });
      const forced = await project.json('migrate', 'down', '--unproven');
      expect(byState(forced)).toEqual({ done: ['0002_b'] });
      expect(await exists(project, 'i')).toBe(true);
    }));

  it('prints SQL that can be run, and changes nothing', () =>
    withServerShadow(on, shop, async (project) => {
      await project.dbops('migrate', 'up');
      const { stdout } = await project.dbops('migrate', 'down', '--dry-run');
      expect(stdout).toContain(
        '-- proven: up, down and up again in a shadow database give the same schema',
      );
      expect(stdout).toMatch(/RENAME COLUMN "mail" TO "email";  -- ACCESS EXCLUSIVE/);
      await project.query('SELECT mail FROM "User"');
      await withClient(project.url, (client) => client.query(stdout));
      await project.query('SELECT email, nick FROM "User"');
    }));

  it('rolls itself back when the live schema has drifted', () =>
    withServerShadow(
      on,
      { ...pair, '0002_b.down.sql': 'DROP INDEX i; ALTER TABLE a DROP COLUMN v CASCADE;' },
      async (project) => {
        await project.dbops('migrate', 'up');
        await project.query('CREATE VIEW by_hand AS SELECT v FROM a');
        const down = await project.dbops('migrate', 'down');
        expect(down.exitCode).toBe(1);
        expect(down.stderr).toContain('ROLLBACK.DIFFERENT');
        expect(down.stderr).toContain('only in this database: view public.by_hand dropped');
        await project.query('SELECT v FROM by_hand');
        expect(byState(await project.json('migrate', 'status'))).toEqual({
          applied: ['0001_a', '0002_b'],
        });
      },
    ));

  it('proves on a copy of the live schema where the folder does not replay', () =>
    withProject(
      on,
      {
        '0001_a.up.sql':
          "CREATE TABLE a (id int PRIMARY KEY);\nDO $$ BEGIN IF inet_server_addr() IS NULL THEN RAISE 'by hand'; END IF; END $$;",
        '0002_b.up.sql': 'ALTER TABLE a RENAME id TO key; CREATE INDEX i ON a (key);',
      },
      async (project) => {
        await project.dbops('migrate', 'up');
        const strict = await project.dbops('migrate', 'down', '--shadow-from', 'folder');
        expect(strict.exitCode).toBe(1);
        expect(strict.stderr).toContain('0001_a.up.sql:2');
        const down = await project.dbops('migrate', 'down');
        expect(down.exitCode).toBe(0);
        expect(down.stderr).toContain('copied from the live catalog');
        expect(down.stderr).toMatch(/skipped: .*0001_a\.up\.sql:2/);
        await project.query('SELECT id FROM a');
        expect(await exists(project, 'i')).toBe(false);
      },
    ));

  it('says what values are missing where a required column is added again and nothing was saved', () =>
    withServerShadow(
      on,
      {
        '0001_a.up.sql': 'CREATE TABLE a (id int PRIMARY KEY, v text NOT NULL);',
        '0002_b.up.sql': 'ALTER TABLE a DROP COLUMN v;',
      },
      async (project) => {
        await project.dbops('migrate', 'up');
        await project.query('INSERT INTO a VALUES (1), (2)');
        const down = await project.dbops('migrate', 'down');
        expect(down.exitCode).toBe(1);
        expect(down.stderr).toContain('null values');
        expect(byState(await project.json('migrate', 'status'))).toEqual({
          applied: ['0001_a', '0002_b'],
        });
      },
    ));

  it('is undone by a kill, and goes through at the next try', () =>
    withServerShadow(on, shop, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      for (const sql of rows.split(';')) await project.query(sql);
      const before = await contentOf(project);
      await project.dbops('migrate', 'up');
      await project.dbops('migrate', 'down', '--dry-run');
      await withClient(project.url, async (client) => {
        await client.query('BEGIN; LOCK TABLE "User" IN ACCESS SHARE MODE');
        const run = project.start('migrate', 'down', '--lock-timeout', '30s');
        await withClient(project.url, (observer) => untilRunning(observer, '%'));
        run.child.kill('SIGKILL');
        await run.answer;
        await client.query('COMMIT');
      });
      await until(
        async () =>
          (
            await project.query(
              "SELECT FROM pg_stat_activity WHERE application_name LIKE 'dbops migrate%' AND datname = current_database()",
            )
          ).length === 0,
      );
      expect(await exists(project, '"Note"')).toBe(false);
      expect((await project.json('migrate', 'down')).exitCode).toBe(0);
      expect(await contentOf(project)).toEqual(before);
    }));

  it('redoes the newest migration, and its rows are there again', () =>
    withServerShadow(on, shop, async (project) => {
      await project.dbops('migrate', 'up', '--steps', '1');
      for (const sql of rows.split(';')) await project.query(sql);
      const before = await contentOf(project);
      const redo = await project.json('migrate', 'redo');
      expect(redo.migrations.map(({ direction, state }) => `${direction} ${state}`)).toEqual([
        'down done',
        'up done',
      ]);
      expect(await contentOf(project)).toEqual(before);
    }));
});

describe.each(newest)('migrate down --write, on $name', (on) => {
  const up = 'CREATE TABLE a (id int PRIMARY KEY);';
  const folders: Record<string, [files: Record<string, string>, written: string]> = {
    dbops: [{ '0001_a.up.sql': up }, '0001_a.down.sql'],
    Prisma: [
      { 'migration_lock.toml': 'provider = "postgresql"\n', '20260101000000_a/migration.sql': up },
      '20260101000000_a/down.sql',
    ],
    dbmate: [
      { '20260101000000_a.sql': `-- migrate:up\n${up}\n\n-- migrate:down\n` },
      '20260101000000_a.sql',
    ],
    'node-pg-migrate': [
      { '1767225600000_a.sql': `-- Up Migration\n${up}\n` },
      '1767225600000_a.sql',
    ],
  };

  it.each(Object.entries(folders))(
    'stores it as %s has it, and it is proven as a file',
    (_, [files, written]) =>
      withServerShadow(on, files, async (project) => {
        await project.dbops('migrate', 'up');
        expect((await project.dbops('migrate', 'down', '--write')).exitCode).toBe(0);
        const file = join(project.root, 'migrations', written);
        expect(readFileSync(file, 'utf8')).toContain('DROP TABLE "public"."a"');
        const down = await project.json('migrate', 'down');
        expect(down.migrations).toMatchObject([
          { state: 'done', rollback: { source: 'file', proven: true } },
        ]);
        expect(await exists(project, 'a')).toBe(false);
      }),
  );

  it('writes nothing where the tool has no place for it', () =>
    withServerShadow(on, { '20260101000000_a.sql': up }, async (project) => {
      await project.dbops('migrate', 'up', '--format', 'supabase');
      const answer = await project.dbops('migrate', 'down', '--write', '--format', 'supabase');
      expect(answer.exitCode).toBe(2);
      expect(answer.stderr).toContain('ROLLBACK.NO_PLACE');
      expect(readdirSync(join(project.root, 'migrations'))).toEqual(['20260101000000_a.sql']);
      expect(existsSync(join(project.root, 'rollback.sql'))).toBe(false);
    }));
});

import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { newest, withDatabase } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  withClient,
  writeInto,
  shadowsOn,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { generatedAt, journalFolder, migrations } from './drizzle-migrations.ts';
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

describeInterop({
  tool: 'drizzle-orm 0.45.4',
  format: 'drizzle',
  count: migrations.length,
  files: (count) => journalFolder(migrations.slice(0, count)),
  up: runDrizzle,
  rows: 'SELECT id, hash, created_at FROM drizzle.__drizzle_migrations ORDER BY id',
});

describe.each(newest)('dbops where drizzle-orm 0.45.4 keeps silent, on $name', (server) => {
  const four = ['a', 'b', 'c', 'd'].map(
    (name) => [name, `CREATE TABLE ${name} (id int);`] as const,
  );

  const withFolder = (files: Record<string, string>, test: (project: Project) => Promise<void>) =>
    withDatabase(server, (url) =>
      test(projectOn(url, writeProject({ ...shadowsOn(server), ...files }))),
    );

  it('applies an entry that is older than one before it', () =>
    withFolder(journalFolder(four.slice(0, 3)), async (project) => {
      expect(await runDrizzle(project)).toBe(3);
      // Of a branch that was begun before c was generated, and merged after it.
      writeInto(project.root, journalFolder(four, [0, 1, 2, 1.5].map(generatedAt)));
      expect(await runDrizzle(project)).toBe(0);
      expect(await exists(project, 'd')).toBe(false);

      expect((await project.json('migrate', 'status', '--check')).exitCode).toBe(4);
      expect(await findingsOf(project)).toContainEqual(
        expect.objectContaining({
          code: 'skipped-by-drizzle',
          where: expect.objectContaining({ object: '0003_d' }),
        }),
      );
      expect((await project.json('migrate', 'up')).migrations).toMatchObject([{ name: '0003_d' }]);
      expect(await exists(project, 'd')).toBe(true);
      expect(await runDrizzle(project)).toBe(0);
      expect((await project.json('migrate', 'status', '--check')).exitCode).toBe(0);
    }));

  it('applies, when asked to, an entry whose row no longer exists', () =>
    withFolder(journalFolder(four), async (project) => {
      await runDrizzle(project);
      await project.query('DELETE FROM drizzle.__drizzle_migrations WHERE id = 2');
      await project.query('DROP TABLE b');
      expect(await runDrizzle(project)).toBe(0);

      expect(await findingsOf(project)).toMatchObject([
        { code: 'out-of-order', where: { object: '0001_b' } },
      ]);
      expect((await project.json('migrate', 'up')).exitCode).toBe(2);
      const { migrations: applied } = await project.json('migrate', 'up', '--allow-out-of-order');
      expect(applied).toMatchObject([{ name: '0001_b', state: 'done' }]);
      expect(await runDrizzle(project)).toBe(0);
    }));

  it('reports a file that was edited after it was applied', () =>
    withFolder(journalFolder(four), async (project) => {
      await runDrizzle(project);
      writeInto(project.root, { 'drizzle/0001_b.sql': 'CREATE TABLE b (id bigint);' });
      expect(await runDrizzle(project)).toBe(0);
      expect(byState(await project.json('migrate', 'status'))).toMatchObject({
        edited: ['0001_b'],
      });
      expect((await project.json('migrate', 'up')).exitCode).toBe(6);
    }));

  it('takes a checkout with other line endings for no edit', () =>
    withFolder(journalFolder([['a', 'SELECT 1;\nSELECT 2;\n']]), async (project) => {
      await runDrizzle(project);
      writeInto(project.root, journalFolder([['a', 'SELECT 1;\r\nSELECT 2;\r\n']]));
      expect((await project.json('migrate', 'status', '--check')).exitCode).toBe(0);
    }));

  it('knows an applied migration whose entry was given a newer time', () =>
    withFolder(journalFolder(four), async (project) => {
      await runDrizzle(project);
      writeInto(project.root, journalFolder(four, [0, 1, 2, 9].map(generatedAt)));
      await expect(runDrizzle(project)).rejects.toThrow('CREATE TABLE d');

      const status = await project.json('migrate', 'status', '--check');
      expect(byState(status)).toEqual({ applied: ['0000_a', '0001_b', '0002_c', '0003_d'] });
      expect(status).toMatchObject({
        exitCode: 4,
        findings: [{ code: 'recorded-at-another-time', severity: 'warning' }],
      });
      await followHelp(project);
      expect(await runDrizzle(project)).toBe(0);
      expect((await project.json('migrate', 'status', '--check')).exitCode).toBe(0);
    }));

  it('knows what is applied when a row has no time', () =>
    withFolder(journalFolder(four), async (project) => {
      await runDrizzle(project);
      await project.query('UPDATE drizzle.__drizzle_migrations SET created_at = NULL WHERE id = 1');
      await expect(runDrizzle(project)).rejects.toThrow('CREATE TABLE a');
      const status = await project.json('migrate', 'status', '--check');
      expect(byState(status)).toEqual({ applied: ['0000_a', '0001_b', '0002_c', '0003_d'] });
      expect(status.exitCode).toBe(4);
      await followHelp(project);
      expect(await runDrizzle(project)).toBe(0);
    }));

  it('runs nothing while a listed file is missing', () =>
    withFolder(journalFolder(four.slice(0, 2)), async (project) => {
      await runDrizzle(project);
      const { 'drizzle/0002_c.sql': _, ...rest } = journalFolder(four);
      writeInto(project.root, rest);
      await expect(runDrizzle(project)).rejects.toThrow('No file');
      const { exitCode, error } = await project.json('migrate', 'up');
      expect({ exitCode, message: error?.message }).toEqual({
        exitCode: 2,
        message: expect.stringContaining('0002_c.sql'),
      });
      expect(await exists(project, 'd')).toBe(false);
    }));

  it('rolls back what Drizzle then applies again', () =>
    withFolder(
      { ...journalFolder(four), 'drizzle/0003_d.down.sql': 'DROP TABLE d;' },
      async (project) => {
        await runDrizzle(project);
        expect((await project.json('migrate', 'down')).exitCode).toBe(0);
        expect(await exists(project, 'd')).toBe(false);
        expect(await runDrizzle(project)).toBe(1);
        expect(await exists(project, 'd')).toBe(true);
      },
    ));

  it.each([
    ['of the same content', [0, 1], ['-- empty', '-- empty']],
    ['of the same time', [0, 0], ['SELECT 1', 'SELECT 2']],
  ])('rolls back one of two migrations %s', (_, times, [first = '', second = '']) =>
    withFolder(
      {
        ...journalFolder(
          [
            ['a', first],
            ['b', second],
          ],
          times.map(generatedAt),
        ),
        'drizzle/0001_b.down.sql': 'SELECT 1;',
      },
      async (project) => {
        await runDrizzle(project);
        expect((await project.json('migrate', 'down')).exitCode).toBe(0);
        expect(byState(await project.json('migrate', 'status'))).toEqual({
          applied: ['0000_a'],
          pending: ['0001_b'],
        });
      },
    ),
  );

  it('asks for no rights that a migration does not need', () =>
    withFolder(journalFolder(four.slice(0, 1)), async (project) => {
      await runDrizzle(project);
      const role = `runner_${process.pid}_${server.major}`;
      const database = new URL(project.url).pathname.slice(1);
      await project.query(`CREATE ROLE ${role} LOGIN`);
      try {
        for (const grant of [
          'CREATE ON SCHEMA public',
          'USAGE ON SCHEMA drizzle',
          'ALL ON ALL TABLES IN SCHEMA drizzle',
          'ALL ON ALL SEQUENCES IN SCHEMA drizzle',
        ])
          await project.query(`GRANT ${grant} TO ${role}`);
        const url = new URL(project.url);
        url.username = role;
        writeInto(project.root, journalFolder(four.slice(0, 2)));
        const { exitCode, error } = await projectOn(url.href, project.root).json('migrate', 'up');
        expect({ exitCode, error }).toEqual({ exitCode: 0, error: undefined });
      } finally {
        await project.query(`DROP OWNED BY ${role}`);
        await project.query(`REVOKE ALL ON DATABASE ${database} FROM ${role}`);
        await project.query(`DROP ROLE ${role}`);
      }
    }));
});

const found = z.array(
  z.object({ code: z.string(), help: z.string(), where: z.object({ object: z.string() }) }),
);

async function findingsOf(project: Project) {
  return found.parse((await project.json('migrate', 'status'))['findings']);
}

/** Runs the statement that the first finding asks for. */
async function followHelp(project: Project): Promise<void> {
  const [finding] = await findingsOf(project);
  await project.query(finding?.help ?? '');
}

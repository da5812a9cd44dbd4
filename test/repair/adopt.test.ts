import { describe, expect } from 'vitest';
import { drizzle } from 'drizzle-orm-1/node-postgres';
import { migrate } from 'drizzle-orm-1/node-postgres/migrator';
import { deploy } from '../interop/prisma-engine.ts';
import { inTurn, servers, withDatabase } from '../db/targets.ts';
import {
  projectOn,
  withClient,
  writeInto,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { writers } from './desync/folders.ts';
import type { MigrationText } from './desync/turnover.ts';

const steps: MigrationText[] = [
  { slug: 'accounts', sql: 'CREATE TABLE accounts (id int PRIMARY KEY, name text);' },
  { slug: 'first_account', sql: "INSERT INTO accounts VALUES (1, 'first');" },
  {
    slug: 'orders',
    sql: 'CREATE TABLE orders (id int PRIMARY KEY, account int REFERENCES accounts);',
  },
];

describe.each(servers)('a move to another tool on $name', (server) => {
  const it = inTurn(server, servers);
  const withApplied = (test: (project: Project) => Promise<void>) =>
    withDatabase(server, async (url) => {
      const root = writeProject(writers.prisma(steps));
      const project = projectOn(url, root);
      expect((await project.json('migrate', 'up')).exitCode).toBe(0);
      await test(project);
    });

  it('from Prisma to Drizzle 1.0 carries over what leaves no trace, and Drizzle has nothing to do', () =>
    withApplied(async (project) => {
      writeInto(project.root, writers['drizzle 1.0'](steps));
      const moved = await project.json('repair-tracking', '--adopt', 'drizzle', '--apply');
      expect(moved).toMatchObject({ exitCode: 0, applied: true, next: { runs: [] } });
      expect(await runDrizzle1(project)).toBe(3);
      expect(await project.query('SELECT name FROM accounts')).toHaveLength(1);
    }));

  it('is refused while a gap would make the new tool run what was run', () =>
    withApplied(async (project) => {
      writeInto(project.root, writers['drizzle 1.0'](steps));
      await project.query('DELETE FROM _prisma_migrations WHERE migration_name ~ $1', ['first']);
      const moved = await project.json('repair-tracking', '--adopt', 'drizzle', '--apply');
      expect(moved).toMatchObject({ exitCode: 6, error: { code: 'REPAIR.ADOPT_INCOMPLETE' } });
      const [{ name } = { name: '' }] = moved.migrations.slice(1);
      expect(name).toBe('');
      const named = '20260102000000_first_account';
      const vouched = ['repair-tracking', '--adopt', 'drizzle', '--assume', named, '--apply'];
      expect((await project.json(...vouched)).exitCode).toBe(0);
      expect(await runDrizzle1(project)).toBe(3);
    }));

  it('from Drizzle 0.x to 1.0 gives the rows of the same table their names', () =>
    withDatabase(server, async (url) => {
      const old = projectOn(url, writeProject(writers.drizzle(steps)));
      expect((await old.json('migrate', 'up')).exitCode).toBe(0);
      // What drizzle-kit up makes of the folder: the same files, each in a folder of its own.
      const folder = Object.entries(writers['drizzle 1.0'](steps)).map(([file, text]) => [
        file.replace(/2026010(\d)/, (_, day: string) => `2026010${day}`),
        text,
      ]);
      const project = projectOn(url, writeProject(Object.fromEntries(folder)));
      const moved = await project.json('repair-tracking', '--adopt', 'drizzle', '--apply');
      expect(moved).toMatchObject({ exitCode: 0, next: { runs: [] } });
      expect(await runDrizzle1(project)).toBe(3);
      const whole = await project.query('SELECT hash FROM drizzle.__drizzle_migrations');
      expect((await project.json('repair-tracking', '--undo')).exitCode).toBe(0);
      const back = await project.query('SELECT * FROM drizzle.__drizzle_migrations');
      expect(back).toMatchObject(whole.map(({ hash }) => ({ hash })));
      expect(Object.keys(back[0] ?? {})).toEqual(['id', 'hash', 'created_at']);
    }));

  it('from Drizzle to dbops, and to Prisma, whose engine then has nothing to do', () =>
    withDatabase(server, async (url) => {
      const project = projectOn(url, writeProject(writers.drizzle(steps)));
      await project.dbops('migrate', 'up');
      writeInto(project.root, writers.prisma(steps));
      const words = ['repair-tracking', '--adopt', 'prisma', '--from', `${project.root}/drizzle`];
      expect((await project.json(...words, '--apply')).exitCode).toBe(0);
      expect(await deploy(project)).toEqual([]);
      writeInto(project.root, writers.dbops(steps));
      const own = ['repair-tracking', '--adopt', 'dbops', '--from', `${project.root}/drizzle`];
      expect((await project.json(...own, '--apply')).exitCode).toBe(0);
      const status = await project.json(
        'migrate',
        'status',
        '--check',
        '--migrations',
        'migrations',
      );
      expect(status.exitCode).toBe(0);
    }));
});

/** Lets Drizzle 1.0 migrate; answers how many migrations it has recorded in all. */
function runDrizzle1({ root, url }: Project): Promise<number> {
  return withClient(url, async (client) => {
    const db = drizzle({ client });
    await migrate(db, { migrationsFolder: `${root}/drizzle` });
    const { rows } = await client.query('SELECT FROM drizzle.__drizzle_migrations');
    return rows.length;
  });
}

import { describe, expect, it, vi } from 'vitest';
import { inTurn, servers, targets } from '../db/targets.ts';
import { catalogOf } from '../reference/catalog.ts';
import { exists, withProject, type Project } from './project.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A Prisma folder with these files, one a migration. */
function prisma(...files: string[]): Record<string, string> {
  const names = files.map((_, index) => `2025010100000${index}_m/migration.sql`);
  return {
    'migration_lock.toml': 'provider = "postgresql"\n',
    ...Object.fromEntries(names.map((name, index) => [name, files[index] ?? ''])),
  };
}

const applied = async ({ query }: Project) =>
  (await query('SELECT FROM _prisma_migrations WHERE finished_at IS NOT NULL')).length;

describe.each(targets)('a file of another tool on $name', (target) => {
  const it = inTurn(target);
  it('that can’t be a transaction runs statement by statement, and says so', () =>
    withProject(
      target,
      prisma('CREATE TABLE t (x int);\nCREATE INDEX CONCURRENTLY t_x ON t (x);\n-- end'),
      async (project) => {
        const { exitCode, stderr } = await project.dbops('migrate', 'up');
        expect(exitCode).toBe(0);
        expect(stderr).toContain('runs outside a transaction');
        expect(stderr).toContain('line 2: CREATE INDEX CONCURRENTLY t_x');
        expect(await applied(project)).toBe(1);
        expect(await project.query('SELECT * FROM dbops.checkpoints')).toEqual([]);
      },
    ));

  it('with BEGIN and COMMIT of its own is one transaction all the same', () =>
    withProject(
      target,
      prisma('BEGIN;\nCREATE TABLE a ();\nCOMMIT;\nCREATE TABLE b ();\nSELECT 1/0;'),
      async (project) => {
        const { exitCode, error } = await project.json('migrate', 'up');
        expect(exitCode).toBe(1);
        expect(error?.message).toContain('migration.sql:5');
        expect(error?.message).toContain('rolled back');
        expect(await exists(project, 'a')).toBe(false);
      },
    ));

  it('that uses a new value of an enum is committed where its author wrote so', () =>
    withProject(
      target,
      prisma(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (m mood); INSERT INTO t VALUES ('sad');",
        "BEGIN;\nALTER TYPE mood ADD VALUE 'calm';\nCOMMIT;\nBEGIN;\nCREATE TABLE u ();\nUPDATE t SET m = 'calm';\nCOMMIT;",
      ),
      async (project) => {
        const { exitCode, stderr } = await project.dbops('migrate', 'up');
        expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
        expect(stderr).toContain('55P04');
        expect(await project.query('SELECT m FROM t')).toEqual([{ m: 'calm' }]);
        expect(await applied(project)).toBe(2);
      },
    ));

  it('fails part by part with the position, and continues there', () =>
    withProject(
      target,
      prisma(
        'CREATE TABLE t (x int);\nBEGIN;\nCREATE TABLE a ();\nCREATE TABLE a ();\nCOMMIT;\nCREATE INDEX CONCURRENTLY t_x ON t (x);',
      ),
      async (project) => {
        const { exitCode, error } = await project.json('migrate', 'up');
        expect(exitCode).toBe(1);
        expect(error?.message).toContain('migration.sql:4');
        expect(error?.message).toContain('its first 1 of 4 statements are applied');
        expect(await exists(project, 'a')).toBe(false);
        expect(await exists(project, 't')).toBe(true);
      },
    ));
});

describe.each(servers)('the shadow of another tool’s files on $name', (server) => {
  it('runs them as the live database did', () =>
    withProject(
      server,
      prisma(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (m mood);",
        "BEGIN;\nALTER TYPE mood ADD VALUE 'calm';\nCOMMIT;\nCREATE TABLE u (m mood DEFAULT 'calm');",
        'CREATE INDEX CONCURRENTLY u_m ON u (m);',
      ),
      async (project) => {
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        const before = await catalogOf(project);
        const { exitCode, stdout } = await project.dbops('verify', '--json');
        expect(JSON.parse(stdout).error).toBeUndefined();
        expect([0, 4]).toContain(exitCode);
        expect(await catalogOf(project)).toEqual(before);
      },
    ));
});

import { resolve } from 'node:path';
import { drizzle } from 'drizzle-orm-1/node-postgres';
import { migrate } from 'drizzle-orm-1/node-postgres/migrator';
import { describe, expect, it, vi } from 'vitest';
import { runShell } from '../cli/run-cli.ts';
import { newest, withDatabase } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  withClient,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { latest as runKnex, namesOf, withKnex } from './knex-project.ts';
import { latest as runKysely, migrator, outcome } from './kysely-project.ts';
import { deploy, diagnose, withEngine } from './prisma-engine.ts';

const tables = ['a', 'b', 'c'] as const;
type Files = Record<string, string>;

/** One file a table, in the order of `tables`. */
function folder(fileOf: (table: string, day: number) => string, textOf: (table: string) => string) {
  return Object.fromEntries(
    tables.map((table, index): [string, string] => [fileOf(table, index + 1), textOf(table)]),
  );
}

const create = (table: string) => `CREATE TABLE ${table} (id int)`;

const nodePgMigrate = (words: string, { root, url }: Project) =>
  runShell(
    `'${process.execPath}' '${resolve(import.meta.dirname, '../../node_modules/node-pg-migrate/bin/node-pg-migrate.js')}' ${words}`,
    { cwd: root, environment: { DATABASE_URL: url, JITI_FS_CACHE: 'false' } },
  );

describe.each(newest)('after a baseline on $name', (server) => {
  vi.setConfig({ testTimeout: 60_000 });

  const withBaseline = (files: Files, test: (project: Project) => Promise<void>) =>
    withDatabase(server, async (url) => {
      const project = projectOn(url, writeProject({ 'package.json': '{}', ...files }));
      await project.query(tables.map(create).join('; '));
      const baseline = await project.json('migrate', 'baseline');
      expect(byState(baseline)['recorded']).toHaveLength(tables.length);
      await test(project);
    });

  const expectOnlyTheLastGone = async (project: Project) => {
    const there = await Promise.all(tables.map((table) => exists(project, table)));
    expect(there).toEqual([true, true, false]);
  };

  it('knex has nothing to do, and its rollback undoes the last file only', () =>
    withBaseline(
      folder(
        (table, day) => `migrations/2026010${day}000000_${table}.js`,
        (table) =>
          `exports.up = (knex) => knex.raw('${create(table)}'); exports.down = (knex) => knex.schema.dropTable('${table}');`,
      ),
      async (project) => {
        expect(await runKnex(project)).toEqual([]);
        const rolledBack = await withKnex(project, (knex) => knex.rollback());
        expect(namesOf(rolledBack)).toEqual(['20260103000000_c.js']);
        await expectOnlyTheLastGone(project);
        expect(await project.query('SELECT batch FROM knex_migrations ORDER BY id')).toEqual([
          { batch: 1 },
          { batch: 2 },
        ]);
      },
    ));

  it('Kysely has nothing to do, and goes down by the last file', () =>
    withBaseline(
      {
        'kysely.config.ts': 'export default {};',
        ...folder(
          (table, day) => `migrations/2026010${day}_${table}.ts`,
          (table) =>
            `import { sql } from 'kysely';
            export const up = (db: any) => sql\`${create(table)}\`.execute(db);
            export const down = (db: any) => db.schema.dropTable('${table}').execute();`,
        ),
      },
      async (project) => {
        expect(await runKysely(project)).toEqual([]);
        const down = await migrator(project, (kysely) => kysely.migrateDown());
        expect(outcome(down)).toEqual(['20260103_c']);
        await expectOnlyTheLastGone(project);
      },
    ));

  it('node-pg-migrate has nothing to do, and goes down by the last file', () =>
    withBaseline(
      folder(
        (table, day) => `migrations/170000000000${day}_${table}.sql`,
        (table) => `-- Up Migration\n${create(table)};\n-- Down Migration\nDROP TABLE ${table};\n`,
      ),
      async (project) => {
        expect((await nodePgMigrate('up', project)).stdout).toContain('No migrations to run');
        expect(await nodePgMigrate('down', project)).toMatchObject({ exitCode: 0 });
        await expectOnlyTheLastGone(project);
      },
    ));

  it('Prisma has the rows of `migrate resolve`, and status says that they were marked', () => {
    const files = {
      'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
      ...folder(
        (table, day) => `prisma/migrations/2026010${day}000000_${table}/migration.sql`,
        create,
      ),
    };
    const rows = `SELECT migration_name, checksum, applied_steps_count, logs, length(id) AS id,
        started_at = finished_at AS at_once, rolled_back_at
      FROM _prisma_migrations ORDER BY started_at`;
    return withBaseline(files, async (project) => {
      expect(await deploy(project)).toEqual([]);
      expect(await diagnose(project)).toMatchObject({ failedMigrationNames: [], history: null });
      const status = await project.json('migrate', 'status', '--check');
      expect(status).toMatchObject({
        exitCode: 0,
        findings: tables.map(() => ({ code: 'marked-applied' })),
      });
      const found = await project.query(rows);
      await withDatabase(server, async (url) => {
        const other = projectOn(url, project.root);
        for (const [index, table] of tables.entries())
          await withEngine(other, (engine, migrationsList) =>
            engine.markMigrationApplied({
              migrationName: `2026010${index + 1}000000_${table}`,
              migrationsList,
            }),
          );
        expect(found).toEqual(await other.query(rows));
      });
    });
  });

  it('Drizzle 1.0 has nothing to do, and its rows have no time of application', () =>
    withBaseline(
      {
        ...folder((table, day) => `drizzle/2026010${day}000000_${table}/migration.sql`, create),
        'drizzle/20260101000000_a/snapshot.json': '{}',
      },
      async (project) => {
        await withClient(project.url, (client) =>
          migrate(drizzle({ client }), { migrationsFolder: `${project.root}/drizzle` }),
        );
        const rows = 'SELECT name, applied_at FROM drizzle.__drizzle_migrations ORDER BY id';
        expect(await project.query(rows)).toEqual(
          tables.map((table, index) => ({
            name: `2026010${index + 1}000000_${table}`,
            applied_at: null,
          })),
        );
      },
    ));
});

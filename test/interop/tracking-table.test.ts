import { resolve } from 'node:path';
import { resolveBinary } from 'dbmate';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { drizzle as drizzle1 } from 'drizzle-orm-1/node-postgres';
import { migrate as migrate1 } from 'drizzle-orm-1/node-postgres/migrator';
import { describe, expect, vi } from 'vitest';
import { runShell } from '../cli/run-cli.ts';
import { inTurn, servers, withDatabase } from '../db/targets.ts';
import {
  byState,
  exists,
  projectOn,
  withClient,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { findingsOf } from './elsewhere.ts';
import { datedFolder, journalFolder } from './drizzle-migrations.ts';
import { files as knexFiles, namesOf, withKnex } from './knex-project.ts';
import { files as kyselyFiles, migrator, outcome } from './kysely-project.ts';
import { deploy } from './prisma-engine.ts';

type Place = Pick<Project, 'root' | 'url'>;

/** A tool that was told to use a tracking table of another name. */
interface Peer {
  tool: string;
  files: Record<string, string>;
  /** What `--tracking-table` is given. */
  name: string;
  /** The table that the tool has by default. */
  usual: string;
  /** Lets the tool migrate with its setting. */
  up(place: Place): Promise<unknown>;
}

const two = [
  ['a', 'CREATE TABLE a (id int);'],
  ['b', 'CREATE TABLE b (id int);'],
] as const;

const nodePgMigrate = resolve(
  import.meta.dirname,
  '../../node_modules/node-pg-migrate/bin/node-pg-migrate.js',
);

async function shell(line: string, cwd: string, url: string): Promise<void> {
  const environment = { DATABASE_URL: url, JITI_FS_CACHE: 'false' };
  const { exitCode, stderr } = await runShell(line, { cwd, environment });
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
}

const peers: Peer[] = [
  {
    tool: 'drizzle-orm 0.45.4 with migrationsSchema and migrationsTable',
    files: journalFolder(two),
    name: '"My App".Done',
    usual: 'drizzle.__drizzle_migrations',
    up: ({ root, url }) =>
      withClient(url, (client) =>
        migrate(drizzle({ client }), {
          migrationsFolder: `${root}/drizzle`,
          migrationsSchema: 'My App',
          migrationsTable: 'Done',
        }),
      ),
  },
  {
    tool: 'drizzle-orm 1.0.0-rc.5 with migrationsTable',
    files: datedFolder(two),
    name: 'app_migrations',
    usual: 'drizzle.__drizzle_migrations',
    up: ({ root, url }) =>
      withClient(url, (client) =>
        migrate1(drizzle1({ client }), {
          migrationsFolder: `${root}/drizzle`,
          migrationsTable: 'app_migrations',
        }),
      ),
  },
  {
    tool: 'Kysely 0.29 with migrationTableSchema and migrationTableName',
    files: kyselyFiles(2),
    name: 'meta.Ran',
    usual: 'kysely_migration',
    up: async (place) =>
      outcome(
        await migrator(place, (kysely) => kysely.migrateToLatest(), {
          migrationTableSchema: 'meta',
          migrationTableName: 'Ran',
        }),
      ),
  },
  {
    tool: 'knex 3.3 with tableName that its knexfile computes',
    files: {
      ...knexFiles(2),
      'knexfile.js': `module.exports = { client: 'pg', migrations: { tableName: ['ran', 'here'].join('_') } };`,
    },
    name: 'ran_here',
    usual: 'knex_migrations',
    up: async (place) =>
      namesOf(await withKnex(place, (knex) => knex.latest(), { tableName: 'ran_here' })),
  },
  {
    tool: 'node-pg-migrate 9 with --migrations-schema and --migrations-table',
    files: Object.fromEntries(
      two.map(([name, sql], index) => [
        `migrations/${1700000000000 + index}_${name}.sql`,
        `-- Up Migration\n${sql}\n-- Down Migration\nDROP TABLE ${name};\n`,
      ]),
    ),
    name: 'meta.Steps',
    usual: 'pgmigrations',
    up: ({ root, url }) =>
      shell(
        `'${process.execPath}' '${nodePgMigrate}' up --migrations-schema meta --create-migrations-schema --migrations-table Steps`,
        root,
        url,
      ),
  },
  {
    tool: 'the schema engine of Prisma 7.10 with another schema',
    files: {
      'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
      ...Object.fromEntries(
        two.map(([name, sql], index) => [
          `prisma/migrations/${20260101000000 + index}_${name}/migration.sql`,
          sql,
        ]),
      ),
    },
    name: 'crm._prisma_migrations',
    usual: 'public._prisma_migrations',
    up: async ({ root, url }) => {
      await withClient(url, (client) => client.query('CREATE SCHEMA IF NOT EXISTS crm'));
      return deploy({ root, url: `${url}?options=-csearch_path%3Dcrm` }, 'crm');
    },
  },
  {
    tool: 'dbmate 2.36 with --migrations-table',
    files: Object.fromEntries(
      two.map(([name, sql], index) => [
        `db/migrations/${20260101000000 + index}_${name}.sql`,
        `-- migrate:up\n${sql}\n-- migrate:down\nDROP TABLE ${name};\n`,
      ]),
    ),
    name: 'meta.versions',
    usual: 'schema_migrations',
    up: ({ root, url }) =>
      shell(
        `'${resolveBinary()}' --no-dump-schema --migrations-table meta.versions migrate`,
        root,
        `${url}?sslmode=disable`,
      ),
  },
];

vi.setConfig({ testTimeout: 60_000 });

describe.each(servers)('on $name', (server) => {
  const it = inTurn(server, servers);
  const withFiles = (files: Record<string, string>, test: (project: Project) => Promise<void>) =>
    withDatabase(server, (url) => test(projectOn(url, writeProject(files))));

  describe.each(peers)('$tool', ({ files, name, usual, up }) => {
    const rowsOf = async ({ query }: Project) => {
      const [found] = await query<{ table: string }>(
        `SELECT format('%I.%I', n.nspname, c.relname) AS table
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relname = $1`,
        [name.split('.').at(-1)],
      );
      return query(`SELECT * FROM ${found?.table}`);
    };

    it('has nothing to do after dbops, in the table that both are configured with', () =>
      withFiles(files, async (project) => {
        const answer = await project.json('migrate', 'up', '--tracking-table', name);
        expect({ ...answer, exitCode: answer.exitCode }).toMatchObject({ exitCode: 0 });
        expect(answer.migrations).toHaveLength(2);
        const rows = await rowsOf(project);
        expect(rows).toHaveLength(2);
        await up(project);
        expect(await rowsOf(project)).toEqual(rows);
        expect(await exists(project, usual)).toBe(false);
      }));

    it('leaves dbops nothing to do', () =>
      withFiles(files, async (project) => {
        await up(project);
        const status = await project.json('migrate', 'status', '--check', '--tracking-table', name);
        expect(status).toMatchObject({ exitCode: 0, findings: [] });
        expect(byState(status)['applied']).toHaveLength(2);
        const again = await project.json('migrate', 'up', '--tracking-table', name);
        expect(again.migrations).toEqual([]);
      }));

    it('is found when nobody names its table, and nothing is run again', () =>
      withFiles(files, async (project) => {
        await up(project);
        const status = await project.json('migrate', 'status', '--check');
        expect(status.exitCode).toBe(4);
        const [finding, ...others] = findingsOf(status);
        expect(others).toEqual([]);
        expect(finding).toMatchObject({
          severity: 'warning',
          message: expect.stringContaining('records 2 migrations of this folder'),
        });
        const refused = await project.json('migrate', 'up');
        expect(refused).toMatchObject({ exitCode: 2, error: { code: 'TRACKING.ELSEWHERE' } });
        expect(await exists(project, usual)).toBe(false);
        // The command that the finding gives is the way out.
        const line = /dbops (.*)/.exec(finding?.help ?? '')?.[1] ?? '';
        const words = line
          .split(/ (?=(?:[^']*'[^']*')*[^']*$)/)
          .map((word) => word.replaceAll("'", ''));
        expect(byState(await project.json(...words))['applied']).toHaveLength(2);
      }));
  });
});

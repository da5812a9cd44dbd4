import { resolve } from 'node:path';
import { resolveBinary } from 'dbmate';
import { drizzle as drizzle1 } from 'drizzle-orm-1/node-postgres';
import { migrate as migrate1 } from 'drizzle-orm-1/node-postgres/migrator';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { describe, expect, it, vi } from 'vitest';
import { runShell } from '../cli/run-cli.ts';
import { isLongRun } from '../cases.ts';
import { newest, withDatabase } from '../db/targets.ts';
import { exists, projectOn, withClient, writeProject, type Project } from '../migrate/project.ts';
import { writers, type FormatName } from '../repair/desync/folders.ts';
import type { MigrationText } from '../repair/desync/turnover.ts';
import { latest as runKnex } from './knex-project.ts';
import { latest as runKysely } from './kysely-project.ts';
import { deploy, diagnose } from './prisma-engine.ts';

const steps: MigrationText[] = ['a', 'b', 'c', 'd', 'e'].map((slug) => ({
  slug,
  sql: `CREATE TABLE ${slug} (id int);\nCREATE INDEX ${slug}_id ON ${slug} (id);`,
}));

const modules = resolve(import.meta.dirname, '../../node_modules');

async function run(line: string, project: Project, url = project.url): Promise<void> {
  const environment = { DATABASE_URL: url, JITI_FS_CACHE: 'false' };
  const { exitCode, stdout, stderr } = await runShell(line, { cwd: project.root, environment });
  if (exitCode !== 0) throw new Error(stdout + stderr);
}

/** Lets the tool itself apply what it takes for pending. @throws what the tool says */
const tools: Partial<Record<FormatName, (project: Project) => Promise<unknown>>> = {
  drizzle: ({ root, url }) =>
    withClient(url, (client) =>
      migrate(drizzle({ client }), { migrationsFolder: `${root}/drizzle` }),
    ),
  'drizzle 1.0': ({ root, url }) =>
    withClient(url, (client) =>
      migrate1(drizzle1({ client }), { migrationsFolder: `${root}/drizzle` }),
    ),
  prisma: deploy,
  kysely: runKysely,
  knex: runKnex,
  'node-pg-migrate': (project) =>
    run(`'${process.execPath}' '${modules}/node-pg-migrate/bin/node-pg-migrate.js' up`, project),
  dbmate: (project) =>
    run(
      `'${resolveBinary()}' --no-dump-schema --migrations-dir migrations migrate`,
      project,
      `${project.url}?sslmode=disable`,
    ),
  'graphile-migrate': (project) =>
    run(`'${process.execPath}' '${modules}/graphile-migrate/dist/cli.js' migrate`, project),
  supabase: (project) => {
    const remote = new URL(project.url);
    remote.password = 'none';
    return run(
      `PGSSLMODE=disable SUPABASE_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1 '${process.execPath}' '${modules}/supabase/dist/supabase.js' db push --yes --remote='${remote.href}'`,
      project,
    );
  },
};

const files: Partial<Record<FormatName, Record<string, string>>> = {
  knex: {
    'knexfile.cjs': `module.exports = { client: 'pg', migrations: { directory: './migrations' } };`,
  },
  supabase: { 'supabase/config.toml': 'project_id = "test"\n' },
  'graphile-migrate': { '.gmrc': '{}' },
};

describe.each(newest)('a repaired table on $name', (server) => {
  vi.setConfig({ testTimeout: 60_000 });

  it.each(Object.entries(tools))('lets %s apply the pending file, and nothing else', (name, up) =>
    withDatabase(server, async (url) => {
      const format = name as FormatName;
      const written = await writers[format](steps);
      const project = projectOn(url, writeProject({ ...files[format], ...written }));
      const flags = ['--format', format.replace(/ .*/, ''), '--shadow-url', server.adminUrl];
      const done = await project.json('migrate', 'up', '--steps', '4', ...flags);
      expect(done.exitCode).toBe(0);
      // The second row is lost with all after it, or, where rows refer to one another, from the end.
      const { table, last } = place(format);
      await project.query(`DELETE FROM ${table} WHERE ${last}`);
      await expect(up(project)).rejects.toThrow(
        /already|preceding|corrupted|exists|Failed query: CREATE/i,
      );

      const repaired = await project.json('repair-tracking', '--apply', ...flags);
      expect(repaired).toMatchObject({ exitCode: 0, applied: true });
      const [name5] = repaired.migrations.slice(4);
      expect(repaired['next']).toMatchObject({ runs: [name5?.name] });
      await up(project);
      expect(await exists(project, 'e')).toBe(true);
      const status = await project.json('migrate', 'status', ...flags);
      expect(status.migrations.map(({ state }) => state)).toEqual(Array(5).fill('applied'));
    }),
  );
});

/** Those that compare more than names; the others in a long run, because a tool takes seconds to start. */
const squashing: FormatName[] = ['prisma', 'drizzle', 'drizzle 1.0', 'graphile-migrate'];

describe.each(newest)('a squashed folder on $name', (server) => {
  vi.setConfig({ testTimeout: 60_000 });

  it.each(
    Object.entries(tools).filter(
      ([name]) =>
        squashing.includes(name as FormatName) || (isLongRun && !['kysely', 'knex'].includes(name)),
    ),
  )('leaves %s nothing to run, after the squash and after the repair', (name, up) =>
    withDatabase(server, async (url) => {
      const format = name as FormatName;
      const written = await writers[format](steps);
      const project = projectOn(url, writeProject({ ...files[format], ...written }));
      const flags = ['--format', format.replace(/ .*/, ''), '--shadow-url', server.adminUrl];
      const done = await project.json('migrate', 'up', ...flags);
      // The hash of a file of graphile-migrate includes those before it: none may follow.
      const to = done.migrations.at(format === 'graphile-migrate' ? 4 : 3)?.name ?? '';
      const { table } = place(format);
      const rows = () => project.query(`SELECT * FROM ${table}`);
      const before = await rows();

      expect((await project.json('migrate', 'squash', '--to', to, ...flags)).exitCode).toBe(0);
      const squashed = await rows();
      await up(project);
      expect(await rows()).toEqual(squashed);

      expect((await project.json('repair-tracking', '--undo', ...flags)).exitCode).toBe(0);
      expect(await rows()).toEqual(before);
      expect((await project.json('repair-tracking', '--apply', ...flags)).exitCode).toBe(0);
      await up(project);
      expect(await rows()).toEqual(squashed);
      if (format === 'prisma') expect(await diagnose(project)).toMatchObject(upToDate);
    }),
  );
});

/** As Prisma says "Database schema is up to date!". */
const upToDate = {
  history: null,
  failedMigrationNames: [],
  editedMigrationNames: [],
  hasMigrationsTable: true,
};

/** The tracking table, and a row or rows without which the tool stops. */
function place(format: FormatName): { table: string; last: string } {
  const at = (table: string, last: string) => ({ table, last });
  switch (format) {
    case 'drizzle':
      return at('drizzle.__drizzle_migrations', 'id > 2');
    case 'drizzle 1.0':
      return at('drizzle.__drizzle_migrations', 'id IN (2, 3)');
    case 'prisma':
      return at('_prisma_migrations', `migration_name ~ '_[bc]$'`);
    case 'supabase':
      return at('supabase_migrations.schema_migrations', `name IN ('b', 'c', 'd')`);
    case 'kysely':
      return at('kysely_migration', `name ~ '_[bc]$'`);
    case 'knex':
      return at('knex_migrations', `name ~ '_[bc]\\.'`);
    case 'node-pg-migrate':
      return at('pgmigrations', `name ~ '_[bc]$'`);
    case 'graphile-migrate':
      return at('graphile_migrate.migrations', `filename > '000002'`);
    default:
      return at('schema_migrations', `version ~ '2026010[23]'`);
  }
}

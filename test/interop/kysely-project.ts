import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Kysely, PostgresDialect } from 'kysely';
import {
  FileMigrationProvider,
  Migrator,
  type MigrationResultSet,
  type MigratorProps,
} from 'kysely/migration';
import pg from 'pg';
import type { Project } from '../migrate/project.ts';

/** One file of each ending and of each way to export. */
const migrations: [file: string, text: string][] = [
  [
    '20260101_accounts.ts',
    module(
      `await db.schema.createTable('accounts').addColumn('id', 'serial', (col) => col.primaryKey()).addColumn('email', 'text', (col) => col.notNull().unique()).execute();`,
      `await db.schema.dropTable('accounts').execute();`,
    ),
  ],
  [
    '20260102_rows.ts',
    module(
      `await db.insertInto('accounts').values([{ email: 'a@example.com' }, { email: 'b@example.com' }]).execute();`,
      `await db.deleteFrom('accounts').execute();`,
    ),
  ],
  [
    '20260103_orders.mjs',
    `export async function up(db) { await db.schema.createTable('orders').addColumn('id', 'bigserial', (col) => col.primaryKey()).addColumn('account_id', 'integer', (col) => col.references('accounts.id').onDelete('cascade')).execute(); }
    export async function down(db) { await db.schema.dropTable('orders').execute(); }`,
  ],
  [
    '20260104_index.cjs',
    `exports.up = (db) => db.schema.createIndex('orders_account_id').on('orders').column('account_id').execute();
    exports.down = (db) => db.schema.dropIndex('orders_account_id').execute();`,
  ],
  [
    '20260105_default.mts',
    `export default { async up(db: any) { await db.schema.alterTable('accounts').addColumn('name', 'text', (col: any) => col.defaultTo('')).execute(); },
    async down(db: any) { await db.schema.alterTable('accounts').dropColumn('name').execute(); } };`,
  ],
  [
    '20260106_function.ts',
    module(
      'await sql`CREATE FUNCTION total() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM orders); END $$`.execute(db);',
      'await sql`DROP FUNCTION total`.execute(db);',
    ),
  ],
  [
    '20260107_view.ts',
    module(
      `await db.schema.createView('busy').as(db.selectFrom('accounts').select('email')).execute();`,
      `await db.schema.dropView('busy').execute();`,
    ),
  ],
  [
    '20260108_two_at_once.ts',
    module(
      'await Promise.all([sql`CREATE TABLE x (id int)`.execute(db), sql`CREATE TABLE y (id int)`.execute(db)]);',
      'await sql`DROP TABLE x, y`.execute(db);',
    ),
  ],
  [
    '20260109_search_path.ts',
    module(
      'await sql`CREATE SCHEMA elsewhere`.execute(db); await sql`SET LOCAL search_path = public, elsewhere`.execute(db);',
      'await sql`DROP SCHEMA elsewhere`.execute(db);',
    ),
  ],
  [
    '20260110_no_down.ts',
    "import { sql } from 'kysely'; export const up = (db: any) => sql`CREATE TYPE mood AS ENUM ('good', 'bad')`.execute(db);",
  ],
  [
    '20260111_count.ts',
    module(
      "const { count } = await db.selectFrom('accounts').select(db.fn.countAll().as('count')).executeTakeFirstOrThrow(); if (count !== '2') throw new Error(`${typeof count} ${count}`);",
      '',
    ),
  ],
];

function module(up: string, down: string): string {
  return `import { sql, type Kysely } from 'kysely'; void sql;
    export async function up(db: Kysely<any>): Promise<void> { ${up} }
    export async function down(db: Kysely<any>): Promise<void> { ${down} }`;
}

export const count = migrations.length;

/** A folder as kysely-ctl keeps it. A file that is no migration is none to Kysely. */
export function files(wanted = count): Record<string, string> {
  return {
    'package.json': '{ "type": "module" }',
    'kysely.config.ts': 'export default {};',
    'migrations/types.ts': 'export type Shared = string;',
    ...Object.fromEntries(
      migrations.slice(0, wanted).map(([file, text]) => [`migrations/${file}`, text]),
    ),
  };
}

type Place = Pick<Project, 'root' | 'url'>;

/** Kysely's own Migrator, over the folder of a project and with a pool as an application has it. */
export async function migrator<T>(
  { root, url }: Place,
  work: (migrator: Migrator) => Promise<T>,
  settings: Partial<MigratorProps> = {},
) {
  const pool = new pg.Pool({ connectionString: url });
  const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
  const provider = new FileMigrationProvider({
    fs: { readdir },
    path: { join },
    migrationFolder: join(root, 'migrations'),
  });
  try {
    return await work(new Migrator({ db, provider, ...settings }));
  } finally {
    await db.destroy();
  }
}

/** Migrates to the latest; answers the names of what it did. */
export async function latest(place: Place): Promise<string[]> {
  return outcome(await migrator(place, (kysely) => kysely.migrateToLatest()));
}

export function outcome({ error, results }: MigrationResultSet): string[] {
  if (error) throw error;
  return (results ?? []).map(({ migrationName }) => migrationName);
}

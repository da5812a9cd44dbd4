import { hash } from 'node:crypto';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { peerModules } from './peers.ts';

/** A file below the folder of a tool, by its path. */
type Files = Record<string, string>;

export type Layout = (count: number) => Files;

/**
 * The same migrations for every tool: each makes a table with an identity key and three columns,
 * an index, and one more column.
 */
function statementsOf(number: number): string[] {
  const table = tableName(number);
  return [
    `CREATE TABLE ${table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, amount integer NOT NULL, created_at timestamptz NOT NULL);`,
    `CREATE INDEX ${table}_created_at_idx ON ${table} (created_at);`,
    `ALTER TABLE ${table} ADD COLUMN note text;`,
  ];
}

function tableName(number: number): string {
  return `t${padded(number)}`;
}

function padded(number: number): string {
  return `${number}`.padStart(4, '0');
}

/** A migration a second, as 14 digits. */
function dated(number: number): string {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, number));
  return time.toISOString().replaceAll(/\D/g, '').slice(0, 14);
}

const sqlOf = (number: number) => `${statementsOf(number).join('\n')}\n`;
const dropOf = (number: number) => `DROP TABLE ${tableName(number)};\n`;

/** `psql -1 -f`: one file. */
export const psqlLayout: Layout = (count) => ({
  'all.sql': numbers(count).map(sqlOf).join(''),
});

export const dbopsLayout: Layout = (count) =>
  eachNumber(count, (number) => ({
    [`migrations/${padded(number)}_table.up.sql`]: sqlOf(number),
    [`migrations/${padded(number)}_table.down.sql`]: dropOf(number),
  }));

export const dbmateLayout: Layout = (count) =>
  eachNumber(count, (number) => ({
    [`migrations/2026010100${padded(number)}_table.sql`]: `-- migrate:up\n${sqlOf(number)}\n-- migrate:down\n${dropOf(number)}`,
  }));

export const nodePgMigrateLayout: Layout = (count) =>
  eachNumber(count, (number) => ({
    [`migrations/${1_767_225_600_000 + number}_table.sql`]: `-- Up Migration\n${sqlOf(number)}\n-- Down Migration\n${dropOf(number)}`,
  }));

export const drizzleLayout: Layout = (count) => ({
  'drizzle.config.ts': `export default {
  dialect: 'postgresql',
  out: './drizzle',
  dbCredentials: { url: process.env.DATABASE_URL },
};
`,
  'drizzle/meta/_journal.json': JSON.stringify({
    version: '7',
    dialect: 'postgresql',
    entries: numbers(count).map((number, idx) => ({
      idx,
      version: '7',
      when: 1_767_225_600_000 + number,
      tag: `${padded(number)}_table`,
      breakpoints: true,
    })),
  }),
  ...eachNumber(count, (number) => ({
    [`drizzle/${padded(number)}_table.sql`]: statementsOf(number).join(
      '\n--> statement-breakpoint\n',
    ),
  })),
});

/** Drizzle 1.0: a folder a migration, named by its time. */
export const drizzle1Layout: Layout = (count) =>
  eachNumber(count, (number) => ({
    [`drizzle/${dated(number)}_table/migration.sql`]: statementsOf(number).join(
      '\n--> statement-breakpoint\n',
    ),
    [`drizzle/${dated(number)}_table/snapshot.json`]: '{}',
  }));

export const supabaseLayout: Layout = (count) => ({
  'supabase/config.toml': 'project_id = "bench"\n',
  ...eachNumber(count, (number) => ({
    [`supabase/migrations/${dated(number)}_table.sql`]: sqlOf(number),
  })),
});

export const prismaLayout: Layout = (count) => ({
  'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
  ...eachNumber(count, (number) => ({
    [`prisma/migrations/${dated(number)}_table/migration.sql`]: sqlOf(number),
  })),
});

/** JavaScript: kysely-ctl's default is TypeScript, which it loads several times slower. */
export const kyselyLayout: Layout = (count) => ({
  'kysely.config.ts': `import { PostgresDialect } from 'kysely';
import { defineConfig } from 'kysely-ctl';
import { Pool } from 'pg';

export default defineConfig({
  dialect: new PostgresDialect({ pool: new Pool({ connectionString: process.env.DATABASE_URL }) }),
  migrations: { migrationFolder: 'migrations', allowJS: true },
});
`,
  ...eachNumber(count, (number) => ({
    [`migrations/${padded(number)}_table.mjs`]: kyselyModule(tableName(number)),
  })),
});

function kyselyModule(table: string): string {
  return `export async function up(db) {
  await db.schema
    .createTable('${table}')
    .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('amount', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('${table}_created_at_idx').on('${table}').column('created_at').execute();
  await db.schema.alterTable('${table}').addColumn('note', 'text').execute();
}

export async function down(db) {
  await db.schema.dropTable('${table}').execute();
}
`;
}

export const knexLayout: Layout = (count) => ({
  'knexfile.js': `module.exports = { client: 'pg', connection: process.env.DATABASE_URL };\n`,
  ...eachNumber(count, (number) => ({
    [`migrations/2026010100${padded(number)}_table.cjs`]: knexModule(tableName(number)),
  })),
});

function knexModule(table: string): string {
  return `exports.up = async (knex) => {
  await knex.schema.createTable('${table}', (t) => {
    t.specificType('id', 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY');
    t.text('name').notNullable();
    t.integer('amount').notNullable();
    t.timestamp('created_at').notNullable().index('${table}_created_at_idx');
  });
  await knex.schema.alterTable('${table}', (t) => t.text('note'));
};

exports.down = (knex) => knex.schema.dropTable('${table}');
`;
}

/** Each file names the hash of the one before it (graphile-migrate, src/hash.ts). */
export const graphileLayout: Layout = (count) => {
  const files: Files = {
    '.gmrc': '{}',
    'migrations/current.sql': '',
  };
  let previous = '';
  for (const number of numbers(count)) {
    const body = sqlOf(number).trim();
    const digest = hash('sha1', `${`${previous}\n${body}`.trim()}\n`);
    files[`migrations/committed/${`${number}`.padStart(6, '0')}.sql`] =
      `--! Previous: ${previous || '-'}\n--! Hash: sha1:${digest}\n\n${body}\n`;
    previous = `sha1:${digest}`;
  }
  return files;
};

/** Writes a layout into a new folder from which the peers' packages can be imported. */
export async function writeFolder(folder: string, files: Files): Promise<void> {
  const folders = new Set(Object.keys(files).map((file) => join(folder, file, '..')));
  for (const each of folders) await mkdir(each, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  await linkPeers(join(folder, 'node_modules'));
}

/** Link by link, because tools keep caches in node_modules and ours would outlive the run. */
async function linkPeers(modules: string): Promise<void> {
  await mkdir(modules);
  for (const name of await readdir(peerModules))
    if (!name.startsWith('.')) await symlink(join(peerModules, name), join(modules, name));
}

function eachNumber(count: number, filesOf: (number: number) => Files): Files {
  return Object.assign({}, ...numbers(count).map(filesOf));
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

import { join } from 'node:path';
import createKnex, { type Knex } from 'knex';
import type { Project } from '../migrate/project.ts';

/** One file of each ending and of each way to export, and what knex does beside plain tables. */
const migrations: [file: string, text: string][] = [
  [
    '20260101120000_accounts.js',
    commonjs(
      `knex.schema.createTable('accounts', (t) => { t.increments(); t.string('email').notNullable().unique(); t.timestamps(true, true); })`,
      `knex.schema.dropTable('accounts')`,
    ),
  ],
  [
    '20260102120000_rows.js',
    commonjs(
      `knex('accounts').insert([{ email: 'a@example.com' }, { email: 'b@example.com' }])`,
      `knex('accounts').del()`,
    ),
  ],
  [
    '20260103120000_orders.ts',
    typescript(
      `await knex.schema.createTable('orders', (t) => { t.bigIncrements(); t.integer('account_id').references('accounts.id').onDelete('CASCADE'); t.jsonb('lines').defaultTo('[]'); });`,
      `await knex.schema.dropTable('orders');`,
    ),
  ],
  [
    '20260104120000_index.cjs',
    commonjs(
      `knex.schema.alterTable('orders', (t) => t.index('account_id'))`,
      `knex.schema.alterTable('orders', (t) => t.dropIndex('account_id'))`,
    ),
  ],
  [
    '20260105120000_function.js',
    commonjs(
      'knex.raw(`CREATE FUNCTION total() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM orders); END $$`)',
      "knex.raw('DROP FUNCTION total')",
    ),
  ],
  [
    '20260106120000_savepoint.js',
    commonjs(
      `knex.transaction(async (inner) => { await inner.schema.createTable('inside', (t) => t.increments()); await inner.transaction((deeper) => deeper('inside').insert({ id: 1 })); })`,
      `knex.schema.dropTable('inside')`,
    ),
  ],
  [
    '20260107120000_given_up.js',
    commonjs(
      `knex.transaction(async (inner) => { await inner.schema.createTable('outside', (t) => t.increments()); throw new Error('no'); }).catch(() => {})`,
      `Promise.resolve()`,
    ),
  ],
  [
    '20260108120000_two_at_once.ts',
    typescript(
      `await Promise.all([knex.schema.createTable('x', (t) => { t.uuid('id'); }), knex.transaction((inner) => inner.raw('CREATE TABLE y (id int)')), knex.transaction((inner) => inner.raw('CREATE TABLE z (id int)'))]);`,
      `await knex.raw('DROP TABLE x, y, z');`,
    ),
  ],
  [
    '20260109120000_has_table.js',
    commonjs(
      `knex.schema.hasTable('accounts').then((there) => { if (!there) throw new Error('lost'); })`,
      `Promise.resolve()`,
    ),
  ],
  [
    '20260110120000_count.js',
    commonjs(
      `knex('accounts').count().first().then(({ count }) => { if (count !== '2') throw new Error(typeof count + ' ' + count); })`,
      `Promise.resolve()`,
    ),
  ],
  [
    '20260111120000_outside.js',
    `${commonjs(`knex.raw('CREATE INDEX CONCURRENTLY orders_lines ON orders USING gin (lines)')`, `knex.raw('DROP INDEX orders_lines')`)} exports.config = { transaction: false };`,
  ],
];

function commonjs(up: string, down: string): string {
  return `exports.up = function (knex) { return ${up}; };\nexports.down = function (knex) { return ${down}; };`;
}

function typescript(up: string, down: string): string {
  return `import type { Knex } from 'knex';
    export async function up(knex: Knex): Promise<void> { ${up} }
    export async function down(knex: Knex): Promise<void> { ${down} }`;
}

export const count = migrations.length;

export function files(wanted = count): Record<string, string> {
  return {
    'package.json': '{}',
    'knexfile.js': `module.exports = { client: 'pg', migrations: { directory: './migrations' } };`,
    ...Object.fromEntries(
      migrations.slice(0, wanted).map(([file, text]) => [`migrations/${file}`, text]),
    ),
  };
}

type Place = Pick<Project, 'root' | 'url'>;

/** knex's own Migrator over the folder of a project, with a pool as an application has it. */
export async function withKnex<T>(
  { root, url }: Place,
  work: (migrate: Knex.Migrator) => Promise<T>,
  settings: Knex.MigratorConfig = {},
): Promise<T> {
  const instance = createKnex({
    client: 'pg',
    connection: url,
    migrations: { directory: join(root, 'migrations'), ...settings },
    log: { warn() {} },
  });
  try {
    return await work(instance.migrate);
  } finally {
    await instance.destroy();
  }
}

/** Migrates to the latest; answers the names of what it did. */
export async function latest(place: Place): Promise<string[]> {
  return namesOf(await withKnex(place, (migrate) => migrate.latest()));
}

/** Of `[batch, names]`, which is what knex answers. */
export function namesOf(answer: [number, string[]]): string[] {
  return answer[1];
}

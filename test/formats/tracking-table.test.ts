import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { DbopsError } from '../../src/errors.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { parseTableName, quotedName, textOf } from '../../src/formats/shared/tracking-table.ts';
import { folderOf } from '../cli/run-cli.ts';

type Files = Record<string, string>;

function tableOf(text: string, files: Files, format?: string) {
  const trackingTable = parseTableName(text);
  const named = { ...(trackingTable && { trackingTable }), ...(format && { format }) };
  return readFolder({ root: folderOf(files), ...named }).tracking;
}

function refusalOf(work: () => unknown): DbopsError {
  try {
    work();
  } catch (error) {
    if (error instanceof DbopsError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('the name of a tracking table', () => {
  it.each([
    ['done', { table: 'done' }],
    ['Done', { table: 'Done' }],
    ['app.done', { schema: 'app', table: 'done' }],
    ['"My Schema"."a.b"', { schema: 'My Schema', table: 'a.b' }],
    ['app."say ""hi"""', { schema: 'app', table: 'say "hi"' }],
    ['schéma.tablé-1', { schema: 'schéma', table: 'tablé-1' }],
  ])('%s is understood, and written the same way', (text, expected) => {
    expect(parseTableName(text)).toEqual(expected);
    expect(textOf(expected)).toBe(text);
  });

  it.each(['', '.', 'a.', '.a', 'a.b.c', 'a b', '"a', 'a"b', '""', 'a."'])('%j is none', (text) => {
    expect(parseTableName(text)).toBeUndefined();
  });

  it('cannot escape its quotes in SQL', () => {
    expect(quotedName({ schema: 'a"; DROP TABLE x; --', table: 'b' })).toBe(
      '"a""; DROP TABLE x; --"."b"',
    );
  });

  it.each([
    ['a flag', { flags: { trackingTable: 'a.b.c' } }, /--tracking-table: expected TABLE/],
    ['a file', { flags: {}, config: '{ "trackingTable": "" }' }, /trackingTable: expected TABLE/],
  ])('is refused when it is none, in %s', async (_, { flags, config = '{}' }: Given, reason) => {
    const cwd = folderOf({ 'dbops.config.json': config });
    const error: unknown = await loadSettings({
      flags,
      environment: {},
      cwd,
      interactive: false,
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DbopsError);
    expect(error instanceof DbopsError && error.reason.join('\n')).toMatch(reason);
  });
});

interface Given {
  flags: Record<string, unknown>;
  config?: string;
}

const kysely = {
  'package.json': '{}',
  'kysely.config.ts': `export default { migrationTableSchema: 'meta', migrationTableName: 'ran' };`,
  'migrations/1_a.ts': 'export const up = () => {};',
};
const knex = {
  'package.json': '{}',
  'knexfile.js': `module.exports = { migrations: { tableName: 'ran', schemaName: 'meta' } };`,
  'migrations/1_a.js': 'exports.up = exports.down = () => {};',
};
const journal = JSON.stringify({ dialect: 'postgresql', entries: [{ idx: 0, when: 1, tag: 'a' }] });
const drizzle = { 'drizzle/a.sql': '', 'drizzle/meta/_journal.json': journal };
const drizzle1 = {
  'drizzle/20260101000000_a/migration.sql': '',
  'drizzle/20260101000000_a/snapshot.json': '{}',
};
const prisma = {
  'prisma/migrations/migration_lock.toml': '',
  'prisma/migrations/20260101000000_a/migration.sql': '',
};
const dbmate = { 'db/migrations/1_a.sql': '-- migrate:up\n-- migrate:down\n' };
const nodePgMigrate = { 'migrations/1_a.sql': '-- Up Migration\n' };

describe('a format', () => {
  it.each<[string, Files, string, string[]]>([
    ['drizzle', drizzle, 'done', ['drizzle.done']],
    ['drizzle', drizzle, 'app.done', ['app.done']],
    ['drizzle 1.0', drizzle1, 'done', ['drizzle.done']],
    ['prisma', prisma, 'crm._prisma_migrations', ['crm._prisma_migrations']],
    ['prisma', prisma, '_prisma_migrations', ['public._prisma_migrations']],
    ['kysely', kysely, 'done', ['meta.done', 'meta.kysely_migration_lock']],
    ['kysely', kysely, 'app.done', ['app.done', 'app.kysely_migration_lock']],
    ['knex', knex, 'done', ['meta.done', 'meta.done_lock']],
    ['knex', knex, 'app.done', ['app.done', 'app.done_lock']],
    ['node-pg-migrate', nodePgMigrate, 'done', ['public.done']],
    ['dbmate', dbmate, 'app.done', ['app.done']],
  ])('%s takes its own meaning of the name (%#)', (_, files, text, tables) => {
    const tracking = tableOf(text, files);
    expect(tracking.tables).toEqual(tables);
    expect(`public.${tracking.table}`.endsWith(tables[0] ?? '')).toBe(true);
  });

  it.each<[string, Files, string]>([
    ['prisma', prisma, 'crm.migrations'],
    ['supabase', { 'supabase/migrations/1_a.sql': '' }, 'public.schema_migrations'],
    [
      'graphile-migrate',
      { 'migrations/committed/000001.sql': '', 'migrations/current.sql': '' },
      'app.migrations',
    ],
    ['dbops', { 'migrations/0001_a.up.sql': '' }, 'public.migrations'],
  ])('%s rejects a table that its tool cannot use', (name, files, text) => {
    const { code, exitCode, message } = refusalOf(() => tableOf(text, files));
    expect({ code, exitCode }).toEqual({ code: 'TRACKING.FIXED', exitCode: 2 });
    expect(message).toContain(`${name} migrations cannot be tracked in ${text}`);
  });

  it.each<[string, Files]>([
    ['supabase_migrations.schema_migrations', { 'supabase/migrations/1_a.sql': '' }],
    ['schema_migrations', { 'supabase/migrations/1_a.sql': '' }],
    ['dbops.migrations', { 'migrations/0001_a.up.sql': '' }],
  ])('takes %s, which is its only one', (text, files) => {
    expect(tableOf(text, files).tables[0]).toContain(text);
  });
});

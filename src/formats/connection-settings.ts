import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { upSourceOf } from '../text-file.ts';
import type { ConnectionSettings, Folder, Format } from './format.ts';

/** Settings that change what a statement creates, or how a constant in it is read. */
const meaningful = [
  'search_path',
  'array_nulls',
  'backslash_quote',
  'bytea_output',
  'check_function_bodies',
  'DateStyle',
  'default_text_search_config',
  'IntervalStyle',
  'standard_conforming_strings',
  'TimeZone',
  'transform_null_equals',
  'xmloption',
];

interface SettingRow {
  name: string;
  setting: string;
  /** What it comes from (server manual, "pg_settings"). */
  source: string;
  role: string;
  /** Those of the `search_path` that exist. */
  schemas: string[];
}

/** Returns the format of a folder with the settings of the connection, for replays. */
export async function formatOnConnection(session: Session, folder: Folder): Promise<Format> {
  const connection = await readConnectionSettings(session, folder);
  return connection ? { ...folder.format, connection } : folder.format;
}

/**
 * Returns the settings that the role, the database or the URL (`options=-csearch_path%3Dcrm`) gives a
 * connection; undefined where a new database has the same. Those of the server's own configuration
 * are not among them.
 */
async function readConnectionSettings(
  session: Session,
  folder: Folder,
): Promise<ConnectionSettings | undefined> {
  const names = meaningful.map(quoteLiteral).join(', ');
  const rows = await underUserPath<SettingRow>(
    session,
    `SELECT name, setting, source, CURRENT_USER::pg_catalog.text AS role,
       ARRAY(SELECT s::pg_catalog.text FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) s) AS schemas
     FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) ANY (ARRAY[${names}])`,
  );
  const path = rows.find(({ name }) => name === 'search_path');
  const values = Object.fromEntries([
    ...rows.flatMap((row) =>
      isAsked(row) && row !== path ? [[row.name, quoteLiteral(row.setting)]] : [],
    ),
    ...(path && isOwnPath(path, folder.format) ? [['search_path', sqlOfPath(path)]] : []),
  ]);
  if (Object.keys(values).length === 0) return undefined;
  const schemas = 'search_path' in values ? (path?.schemas ?? []) : [];
  return { values, schemas: await withoutCreated(schemas, folder) };
}

const sources = new Set(['client', 'user', 'database', 'database user']);

function isAsked({ source }: SettingRow): boolean {
  return sources.has(source);
}

/**
 * Returns whether the connection has a path of its own. As in a run, the path that the tool or its
 * platform sets applies, unless the URL sets one.
 */
function isOwnPath(path: SettingRow, { platform, searchPath }: Format): boolean {
  if (platform || searchPath !== undefined) return path.source === 'client';
  // The server creates nothing in pg_catalog: no migration ran under a path that starts with it.
  if (path.schemas[0] === 'pg_catalog') return false;
  return isAsked(path) || path.schemas.some((schema) => schema !== 'public');
}

/** `"$user"` is another role in a shadow. An unquoted name folds to lower case. */
function sqlOfPath({ setting, role }: SettingRow): string {
  const names = [...setting.matchAll(/"((?:[^"]|"")*)"|([^\s,]+)/g)].map(
    ([, quoted, plain = '']) =>
      quoted === undefined ? plain.toLowerCase() : quoted.replaceAll('""', '"'),
  );
  const own = names.map((name) => quoteIdentifier(name === '$user' ? role : name));
  return own.length > 0 ? own.join(', ') : "''";
}

/** Schemas that every database has, that the platform has, and that a migration creates, are left out. */
async function withoutCreated(
  schemas: readonly string[],
  { format, migrations }: Folder,
): Promise<string[]> {
  const given = new Set(['public', 'pg_catalog', ...(format.platform?.schemas ?? [])]);
  const open = schemas.filter((schema) => !given.has(schema));
  if (open.length === 0) return [];
  const texts = migrations.map(upSourceOf);
  return open.filter((schema) => !texts.some((text) => creates(text, schema)));
}

/** In SQL, and in the calls of Kysely, knex and node-pg-migrate. */
function creates(text: string, schema: string): boolean {
  const name = schema.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(
    String.raw`create\s+schema\s+(?:if\s+not\s+exists\s+)?"?${name}\b|createSchema(?:IfNotExists)?\(\s*['"\x60]${name}\b`,
    'i',
  ).test(text);
}

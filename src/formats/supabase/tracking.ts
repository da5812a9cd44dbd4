import { quoteLiteral } from '../../db/quote.ts';
import type { Migration } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import type { Prospect, RowColumns, Tracking } from '../format.ts';
import { namesIn, parseRows, type ColumnTypes, type RowOf } from '../shared/rows.ts';
import { digest, withoutBom } from '../shared/script.ts';
import { splitAsSupabase } from './statements.ts';

const supabaseRow = {
  version: 'string',
  /** `null`, like the hash, in rows of old releases. */
  name: 'string or null',
  hash: 'string or null',
} as const satisfies ColumnTypes;
type SupabaseRow = RowOf<typeof supabaseRow>;

/**
 * Returns the SHA-256, in hex, of a text without white space and semicolons, as `select` computes it
 * for a row. The CLI records statements instead of a hash; its releases split files differently, and
 * the dashboard records a file unsplit, so that only the rest of the text is comparable.
 */
export function hashOf(source: string): string {
  return digest('sha256', withoutBom(source).replaceAll(/[ \t\n\r\f\v;]+/g, ''));
}

const table = 'supabase_migrations.schema_migrations';

/** Seven calls of `replace` take a fifth of the time of one `translate`. */
const bareText = [' ', ';', '\\t', '\\n', '\\r', '\\f', '\\x0B'].reduce(
  (text, character) => `replace(${text}, E'${character}', '')`,
  `nullif(array_to_string(statements, ''), '')`,
);

/**
 * `supabase_migrations.schema_migrations` as the Supabase CLI creates, reads and writes it (supabase,
 * `apps/cli-go/pkg/migration/history.go`). It has no times; rows are ordered by version.
 */
export const supabaseTracking: Tracking = {
  table,
  tables: [table, 'supabase_migrations.seed_files'],
  // ALTER TABLE locks the table even when it changes nothing, so the columns are checked first.
  create: `DO $create$ BEGIN
    IF (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('${table}')
          AND attname IN ('version', 'name', 'statements') AND NOT attisdropped) < 3 THEN
      CREATE SCHEMA IF NOT EXISTS supabase_migrations;
      CREATE TABLE IF NOT EXISTS ${table} (version text NOT NULL PRIMARY KEY);
      ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS statements text[];
      ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS name text;
    END IF; END $create$`,
  // A column that a table of an old release lacks resolves to the NULL of the outer query.
  select: `SELECT recorded.* FROM (SELECT NULL::text AS name, NULL::text[] AS statements) lacking,
    LATERAL (SELECT version, name, encode(sha256(convert_to(${bareText}, 'UTF8')), 'hex') AS hash
      FROM ${table}) recorded
    ORDER BY version`,
  toApplied(rows, migrations) {
    const toRecorded = matcher(migrations);
    const recorded = parseRows(supabaseRow, rows).map(toRecorded);
    return {
      applied: recorded.map(({ row, name, migration }) => ({
        name,
        hash: migration ? hashOfRow(row, migration) : row.hash,
        appliedAt: null,
      })),
      findings: recorded.flatMap((each) => renamed(each) ?? []),
    };
  },
  record: ({ name, version = '', up }) => {
    const statements = up.kind === 'sql' ? splitAsSupabase(up.sql).map(quoteLiteral) : [];
    return `INSERT INTO ${table} (version, name, statements)
      VALUES (${quoteLiteral(version)}, ${quoteLiteral(titleOf(name))}, ARRAY[${statements.join(', ')}]::text[])`;
  },
  erase: ({ version = '' }) => `DELETE FROM ${table} WHERE version = ${quoteLiteral(version)}`,
  rows: {
    table,
    key: ['version'],
    knownBy: ['version'],
    columnsOf: ({ version = '', name, up }) => ({
      version,
      statements: up.kind === 'sql' ? splitAsSupabase(up.sql) : [],
      name: titleOf(name),
    }),
    contentOf(row, migration) {
      const { statements } = row;
      if (!Array.isArray(statements)) return null;
      const recorded = hashOf(statements.join(''));
      return hashOfRow({ version: '', name: null, hash: recorded }, migration);
    },
    command: 'supabase db push',
    next,
  },
};

/** As `GetPendingMigrations`, which merges the two lists in the order of their versions. */
function next(rows: readonly RowColumns[], migrations: readonly Migration[]): Prospect {
  const recorded = namesIn(rows, 'version');
  const known = new Set(migrations.map(({ version }) => version));
  const foreign = [...recorded].find((version) => !known.has(version));
  if (foreign !== undefined) return { stops: `version ${foreign} is recorded, but has no file` };
  const isPending = ({ version = '' }: Migration) => !recorded.has(version);
  const last = migrations.findLastIndex((each) => !isPending(each));
  const late = migrations.slice(0, last).find(isPending);
  if (late)
    return {
      stops: `${late.name} is older than the newest recorded version; --include-all runs it`,
    };
  return { runs: migrations.filter(isPending).map(({ name }) => name) };
}

interface MatchedRow {
  row: SupabaseRow;
  name: string;
  migration: Migration | undefined;
}

/** Matches a row to the file with its version; among several, to the one with its name. */
function matcher(migrations: readonly Migration[]): (row: SupabaseRow) => MatchedRow {
  const byName = new Map(migrations.map((migration) => [migration.name, migration]));
  const byVersion = new Map(
    migrations.toReversed().map((migration) => [migration.version, migration]),
  );
  return (row) => {
    const name = row.name === null ? row.version : `${row.version}_${row.name}`;
    const migration = byName.get(name) ?? byVersion.get(row.version);
    return { row, name: migration?.name ?? name, migration };
  };
}

function titleOf(name: string): string {
  return name.slice(name.indexOf('_') + 1);
}

/** Splitting also trims non-ASCII spaces, so texts that differ are compared again after splitting. */
function hashOfRow(
  { hash: recorded }: SupabaseRow,
  { up, hash: ofFile }: Migration,
): string | null {
  if (recorded === null || recorded === ofFile || up.kind !== 'sql') return recorded;
  return recorded === hashOf(splitAsSupabase(up.sql).join('')) ? ofFile : recorded;
}

function renamed({ row, name, migration }: MatchedRow): Finding | undefined {
  if (!migration || row.name === null || row.name === titleOf(name)) return undefined;
  return {
    code: 'renamed-file',
    severity: 'info',
    message: `${name} was applied as ${row.version}_${row.name}; the Supabase CLI compares only the digits.`,
    help: 'If only the name changed, no action is needed. A separate migration needs different digits.',
    where: { object: name },
    key: `renamed-file:${name}`,
  };
}

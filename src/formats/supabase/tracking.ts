import { hash } from 'node:crypto';
import { quoteLiteral } from '../../db/quote.ts';
import type { Migration } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import type { Prospect, RowColumns, Tracking, TrackingRow } from '../format.ts';
import { namesIn } from '../shared/rows.ts';
import { withoutBom } from '../shared/script.ts';
import { splitAsSupabase } from './statements.ts';

interface SupabaseRow extends TrackingRow {
  version: string;
  /** `null` in rows of old releases, as the hash. */
  name: string | null;
  hash: string | null;
}

/**
 * The CLI records no hash, but the statements that it has run. Over the years it has split files
 * in other ways, and a dashboard records a file unsplit: what is hashed is the text without what
 * splitting takes away, white space and semicolons.
 *
 * @returns SHA-256 in hex, as `select` computes it of a row
 */
export function hashOf(source: string): string {
  return hash('sha256', withoutBom(source).replaceAll(/[ \t\n\r\f\v;]+/g, ''));
}

const table = 'supabase_migrations.schema_migrations';

/** `replace` seven times takes a fifth of the time of one `translate`. */
const bareText = [' ', ';', '\\t', '\\n', '\\r', '\\f', '\\x0B'].reduce(
  (text, character) => `replace(${text}, E'${character}', '')`,
  `nullif(array_to_string(statements, ''), '')`,
);

/**
 * `supabase_migrations.schema_migrations` as the Supabase CLI makes, reads and writes it (supabase,
 * `apps/cli-go/pkg/migration/history.go`). It has no times; the version is the order.
 */
export const supabaseTracking: Tracking = {
  table,
  tables: [table, 'supabase_migrations.seed_files'],
  // ALTER TABLE locks the table even where it has nothing to do: as the CLI, it asks first.
  create: `DO $create$ BEGIN
    IF (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('${table}')
          AND attname IN ('version', 'name', 'statements') AND NOT attisdropped) < 3 THEN
      CREATE SCHEMA IF NOT EXISTS supabase_migrations;
      CREATE TABLE IF NOT EXISTS ${table} (version text NOT NULL PRIMARY KEY);
      ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS statements text[];
      ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS name text;
    END IF; END $create$`,
  // In a table of an old release, a name that it lacks is that of the outer query: NULL.
  select: `SELECT recorded.* FROM (SELECT NULL::text AS name, NULL::text[] AS statements) lacking,
    LATERAL (SELECT version, name, encode(sha256(convert_to(${bareText}, 'UTF8')), 'hex') AS hash
      FROM ${table}) recorded
    ORDER BY version`,
  toApplied(rows, migrations) {
    const toRecorded = matcher(migrations);
    const recorded = (rows as readonly SupabaseRow[]).map(toRecorded);
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

/** As `GetPendingMigrations`: the two lists are merged in the order of their versions. */
function next(rows: readonly RowColumns[], migrations: readonly Migration[]): Prospect {
  const recorded = namesIn(rows, 'version');
  const known = new Set(migrations.map(({ version }) => version));
  const foreign = [...recorded].find((version) => !known.has(version));
  if (foreign !== undefined) return { stops: `version ${foreign} is recorded, and has no file` };
  const isPending = ({ version = '' }: Migration) => !recorded.has(version);
  const last = migrations.findLastIndex((each) => !isPending(each));
  const late = migrations.slice(0, last).find(isPending);
  if (late)
    return { stops: `${late.name} is older than the newest version; --include-all runs it` };
  return { runs: migrations.filter(isPending).map(({ name }) => name) };
}

interface MatchedRow {
  row: SupabaseRow;
  name: string;
  migration: Migration | undefined;
}

/** A row is of the file with its version, whatever the name; of two files, of that with its name. */
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

/** Splitting also takes away spaces that are not ASCII: where the texts differ, it is tried. */
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
    message: `${name} was applied as ${row.version}_${row.name}; the Supabase CLI compares the digits only.`,
    help: 'Nothing needs to be done where only the name changed. A migration of its own needs digits of its own.',
    where: { object: name },
    key: `renamed-file:${name}`,
  };
}

import { quoteLiteral } from '../../db/quote.ts';
import type { Migration } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import { findingOf, timeOf } from './finding.ts';
import { createTable } from './rows.ts';
import type { DrizzleTable } from './table.ts';
import type { Applied, Tracking } from '../format.ts';
import {
  namesIn,
  parseRows,
  pendingAmong,
  textIn,
  type ColumnTypes,
  type RowOf,
} from '../shared/rows.ts';

/** A row of 1.0, whose key is the name. Rows of 0.x have no name until 1.0 upgrades the table. */
const namedRow = {
  id: 'number',
  hash: 'string',
  created_at: 'number or null',
  name: 'string or null',
  applied_ms: 'number or null',
  /** Whether the table has the column: 1.0 upgrades a table without it, and then compares names only. */
  has_names: 'boolean',
} as const satisfies ColumnTypes;
type NamedRow = RowOf<typeof namedRow>;

const columns = `id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint,
  name text, applied_at timestamp with time zone DEFAULT now()`;

const hasNames = (table: string) => `EXISTS (SELECT FROM pg_attribute
  WHERE attrelid = to_regclass(${quoteLiteral(table)}) AND attname = 'name' AND NOT attisdropped)`;

/** In a table of 0.x, `name` and `applied_at` resolve to the NULLs of `absent`. */
const selectFrom = (
  table: string,
) => `SELECT id, hash, created_at, recorded.name, applied_ms, ${hasNames(table)} AS has_names
  FROM (SELECT NULL::text AS name, NULL::timestamptz AS applied_at) absent, LATERAL (
    SELECT id, hash, created_at::float8 AS created_at, name,
      1000 * extract(epoch FROM applied_at)::float8 AS applied_ms FROM ${table}) recorded
  ORDER BY id`;

/** Returns the tracking table of Drizzle 1.0 (`migrate` in drizzle-orm's pg-core/async/session.js). */
export function trackingOf(migrations: readonly Migration[], place: DrizzleTable): Tracking {
  const { table } = place;
  const ownerOf = ownerByTime(migrations);
  return {
    table: place.text,
    tables: [place.name],
    get create() {
      return createOrUpgrade(migrations, place);
    },
    select: selectFrom(table),
    toApplied: (rows) => toApplied(parseRows(namedRow, rows), migrations, { table, ownerOf }),
    record: (migration) =>
      `INSERT INTO ${table} (hash, created_at, name) VALUES (${valuesOf(migration)})`,
    // No time of application, as in rows that Drizzle's own upgrade completes.
    mark: (migration) =>
      `INSERT INTO ${table} (hash, created_at, name, applied_at) VALUES (${valuesOf(migration)}, NULL)`,
    erase: ({ name, hash }) =>
      `DELETE FROM ${table} WHERE name = ${quoteLiteral(name)} OR (name IS NULL AND hash = ${quoteLiteral(hash)})`,
    rows: {
      table,
      key: ['id'],
      knownBy: ['name'],
      columnsOf: (migration) => ({
        name: migration.name,
        hash: migration.hash,
        created_at: whenOf(migration),
      }),
      contentOf: (row) => textIn(row, 'hash'),
      ownerOf: (row) =>
        ownerOf({ created_at: Number(row['created_at']), hash: textIn(row, 'hash') ?? '' }),
      command: 'drizzle-kit migrate',
      next: (recorded, folders) => ({ runs: pendingAmong(folders, namesIn(recorded, 'name')) }),
    },
  };
}

function valuesOf(migration: Migration): string {
  return `${quoteLiteral(migration.hash)}, ${whenOf(migration)}, ${quoteLiteral(migration.name)}`;
}

function whenOf({ row }: Migration): number {
  return Number(row?.['when']);
}

/**
 * Returns SQL that creates the table, or adds the names to a table of 0.x as Drizzle does
 * (up-migrations/pg.js): by the second of `created_at`, and by hash within that second or when no
 * migration has that second.
 */
function createOrUpgrade(migrations: readonly Migration[], place: DrizzleTable): string {
  const { table } = place;
  const local = migrations.map((each, index) => `(${valuesOf(each)}, ${index})`);
  const body = `BEGIN
    IF NOT ${hasNames(table)} THEN
      ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS name text;
      ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS applied_at timestamp with time zone DEFAULT now();
      WITH local (hash, created_at, name, place) AS (VALUES ${local.join(', ')})
      UPDATE ${table} m SET applied_at = NULL, name =
        CASE (SELECT count(*) FROM local WHERE local.created_at = m.created_at / 1000 * 1000)
          WHEN 0 THEN (SELECT local.name FROM local WHERE local.hash = m.hash ORDER BY place DESC LIMIT 1)
          WHEN 1 THEN (SELECT local.name FROM local WHERE local.created_at = m.created_at / 1000 * 1000)
          ELSE (SELECT local.name FROM local WHERE local.created_at = m.created_at / 1000 * 1000
            AND local.hash = m.hash ORDER BY place LIMIT 1)
        END;
      IF EXISTS (SELECT FROM ${table} WHERE name IS NULL) THEN
        RAISE 'rows of % match no migration of the folder', ${quoteLiteral(place.text)};
      END IF;
    END IF;
  END`;
  return `${createTable(place, columns)} DO ${quoteLiteral(body)}`;
}

type OwnerOf = (row: Pick<NamedRow, 'created_at' | 'hash'>) => Migration | undefined;

/** Applies the rule of `createOrUpgrade` to rows without a name. */
function ownerByTime(migrations: readonly Migration[]): OwnerOf {
  let byTime: Map<number, Migration[]> | undefined;
  let byHash: Map<string, Migration> | undefined;
  return ({ created_at: at, hash }) => {
    byTime ??= Map.groupBy(migrations, whenOf);
    const ofSecond = byTime.get(at === null ? Number.NaN : Math.trunc(at / 1000) * 1000);
    if (!ofSecond)
      return (byHash ??= new Map(migrations.map((each) => [each.hash, each]))).get(hash);
    return ofSecond.length === 1 ? ofSecond[0] : ofSecond.find((each) => each.hash === hash);
  };
}

function toApplied(
  rows: readonly NamedRow[],
  migrations: readonly Migration[],
  { table, ownerOf }: { table: string; ownerOf: OwnerOf },
): Applied {
  const known = new Set(migrations.map(({ name }) => name));
  const recorded = new Set(rows.map(({ name }) => name));
  const seen = new Set<string>();
  const result: Applied = { applied: [], findings: [] };
  for (const row of rows) {
    const owner = row.name === null ? ownerOf(row) : undefined;
    const name = row.name ?? owner?.name ?? `row ${row.id} (${row.hash.slice(0, 12)}…)`;
    if (seen.has(name)) {
      result.findings.push(recordedTwice(row, name, table));
      continue;
    }
    seen.add(name);
    const appliedAt = row.applied_ms === null ? null : new Date(row.applied_ms);
    result.applied.push({ name, hash: row.hash, appliedAt });
    if (owner && row.has_names) result.findings.push(unnamed(row, owner, table));
    if (known.has(name)) continue;
    const renamed = migrations.find((each) => !recorded.has(each.name) && each.hash === row.hash);
    if (row.name === null) result.findings.push(strayRow(row, name, table));
    else if (renamed) result.findings.push(misnamed(row, name, { name: renamed.name, table }));
  }
  return result;
}

function recordedTwice({ id }: NamedRow, name: string, table: string): Finding {
  return findingOf({
    code: 'duplicate-row',
    severity: 'warning',
    name: `row ${id}`,
    message: `${name} is recorded twice in ${table}; row ${id} is redundant. Drizzle takes no lock, so two concurrent runs may both have applied it.`,
    help: `Check that its statements did not run twice, then: DELETE FROM ${table} WHERE id = ${id};`,
  });
}

function strayRow({ id, created_at: at }: NamedRow, name: string, table: string): Finding {
  const time = at === null ? '' : `, ${timeOf(at)}`;
  return findingOf({
    code: 'missing-file',
    severity: 'error',
    name,
    message: `Row ${id} of ${table} (created_at ${at}${time}) has no name, and no migration in the folder matches its time or hash: Drizzle 1.0 does not upgrade a table with such a row.`,
    help: `Restore its folder: git log --all --diff-filter=D --summary -- '*.sql'. If it belongs to another configuration, use a separate table for each (migrations.table in drizzle.config.ts) and: DELETE FROM ${table} WHERE id = ${id};`,
  });
}

function unnamed({ id }: NamedRow, { name }: Migration, table: string): Finding {
  return findingOf({
    code: 'row-without-name',
    severity: 'warning',
    name,
    message: `${name} is recorded in row ${id} of ${table} without its name, as Drizzle 0.x writes it: Drizzle 1.0 treats it as pending and would run it again.`,
    help: `UPDATE ${table} SET name = ${quoteLiteral(name)} WHERE id = ${id};`,
  });
}

function misnamed(
  { id }: NamedRow,
  recorded: string,
  { name, table }: { name: string; table: string },
): Finding {
  return findingOf({
    code: 'missing-file',
    severity: 'error',
    name: recorded,
    message: `${recorded} is recorded as applied, but is missing from the folder; ${name} has the same content. Drizzle treats ${name} as pending and would run it again.`,
    help: `If its folder was renamed: UPDATE ${table} SET name = ${quoteLiteral(name)} WHERE id = ${id};`,
  });
}

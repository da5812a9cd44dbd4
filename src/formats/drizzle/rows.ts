import { quoteLiteral } from '../../db/quote.ts';
import type { Migration } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import { findingOf, isFuture, timeOf } from './finding.ts';
import type { DrizzleTable } from './table.ts';
import type { Applied, RowColumns, Tracking } from '../format.ts';
import { parseRows, textIn, type ColumnTypes, type RowOf } from '../shared/rows.ts';

/** A row has no name and no time of application; `created_at` is the journal's `when`. */
const journalRow = {
  id: 'number',
  hash: 'string',
  created_at: 'number or null',
} as const satisfies ColumnTypes;
type JournalRow = RowOf<typeof journalRow>;

/**
 * Returns SQL that creates the table if it is missing. CREATE TABLE IF NOT EXISTS checks the CREATE
 * privilege on the schema even when the table exists.
 */
export function createTable({ table, ensureSchema }: DrizzleTable, columns: string): string {
  const body = `BEGIN IF to_regclass(${quoteLiteral(table)}) IS NULL THEN
    CREATE TABLE IF NOT EXISTS ${table} (${columns}); END IF; END`;
  return `${ensureSchema} DO ${quoteLiteral(body)};`;
}

/**
 * Returns the tracking table of Drizzle 0.x (`migrate` in drizzle-orm's pg-core/dialect.js), which
 * compares only the largest `created_at` with the journal.
 *
 * @param journal its path, for messages
 */
export function trackingOf(
  migrations: readonly Migration[],
  journal: string,
  place: DrizzleTable,
): Tracking {
  const { table } = place;
  return {
    table: place.text,
    tables: [place.name],
    create: createTable(place, 'id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint'),
    select: `SELECT id, hash, created_at::float8 AS created_at FROM ${table} ORDER BY id`,
    toApplied: (rows) => toApplied(parseRows(journalRow, rows), migrations, { journal, table }),
    record: (migration) =>
      `INSERT INTO ${table} (hash, created_at) VALUES (${quoteLiteral(migration.hash)}, ${whenOf(migration)})`,
    erase: (migration) => erase(migration, migrations, table),
    rows: {
      table,
      key: ['id'],
      knownBy: ['created_at'],
      columnsOf: (migration) => ({ hash: migration.hash, created_at: whenOf(migration) }),
      contentOf: (row) => textIn(row, 'hash'),
      command: 'drizzle-kit migrate',
      next: (recorded, entries) => ({ runs: afterNewest(recorded, entries) }),
    },
  };
}

/** As `ORDER BY created_at DESC LIMIT 1`: NULL sorts first, and Drizzle treats it as 0. */
function afterNewest(rows: readonly RowColumns[], entries: readonly Migration[]): string[] {
  const times = rows.map((row) => textIn(row, 'created_at'));
  const newest = times.includes(null) ? 0 : Math.max(-Infinity, ...times.map(Number));
  return entries.filter((entry) => whenOf(entry) > newest).map(({ name }) => name);
}

function whenOf({ row }: Migration): number {
  return Number(row?.['when']);
}

/** Keeps rows of other migrations with the same time or, such as empty files, the same hash. */
function erase(migration: Migration, migrations: readonly Migration[], table: string): string {
  const when = whenOf(migration);
  const hash = quoteLiteral(migration.hash);
  const others = migrations.filter(({ name }) => name !== migration.name);
  const hashes = others.filter((other) => whenOf(other) === when).map((other) => other.hash);
  const whens = others.filter((other) => other.hash === migration.hash).map(whenOf);
  const none = (column: string, values: readonly (string | number)[]) =>
    values.length > 0 ? ` AND ${column} NOT IN (${values.join(', ')})` : '';
  return `DELETE FROM ${table}
    WHERE (created_at = ${when}${none('hash', hashes.map(quoteLiteral))})
       OR (hash = ${hash}${none('created_at', whens)})`;
}

/** Names for messages. */
interface JournalAndTable {
  journal: string;
  /** In SQL. */
  table: string;
}

function toApplied(
  rows: readonly JournalRow[],
  migrations: readonly Migration[],
  sources: JournalAndTable,
): Applied {
  const { table } = sources;
  const { owners, surplus } = matchRows(rows, migrations);
  const newest = rows.reduce((max, { created_at: at }) => Math.max(max, at ?? 0), 0);
  const applied = rows
    .filter((row) => !surplus.has(row))
    .map((row) => ({
      name: owners.get(row)?.name ?? nameOf(row),
      hash: row.hash,
      appliedAt: null,
    }));
  const findings = rows.flatMap((row) => {
    const owner = owners.get(row);
    const twin = surplus.get(row);
    if (twin) return [recordedTwice(row, twin, table)];
    return owner ? movedRow(row, owner, { newest, table }) : [strayRow(row, sources)];
  });
  const recorded = new Set(owners.values());
  return {
    applied,
    findings: [
      ...findings,
      ...rows
        .filter(({ created_at: at }) => isFuture(at ?? 0))
        .map((row) => fromTheFuture(row, table)),
      ...(newest > 0 ? skipped(migrations, recorded, { newest, table }) : []),
    ],
  };
}

interface RowOwners {
  owners: Map<JournalRow, Migration>;
  /** Further rows of a migration that has one. */
  surplus: Map<JournalRow, Migration>;
}

/** Finds the migration of each row: by time and hash, else by time (an edited file), else by hash. */
function matchRows(rows: readonly JournalRow[], migrations: readonly Migration[]): RowOwners {
  const exact = matchExactly(rows, migrations);
  if (exact) return { owners: exact, surplus: new Map() };
  const byWhen = Map.groupBy(migrations, whenOf);
  const byHash = Map.groupBy(migrations, ({ hash }) => hash);
  const ofTime = (row: JournalRow) => byWhen.get(row.created_at ?? Number.NaN) ?? [];
  const ofHash = (row: JournalRow) => byHash.get(row.hash) ?? [];
  const owners = new Map<JournalRow, Migration>();
  const claimed = new Set<Migration>();
  const claim = (candidatesOf: (row: JournalRow) => readonly Migration[]) => {
    for (const row of rows) {
      const owner = owners.has(row)
        ? undefined
        : candidatesOf(row).find((each) => !claimed.has(each));
      if (!owner) continue;
      claimed.add(owner);
      owners.set(row, owner);
    }
  };
  claim((row) => ofTime(row).filter(({ hash }) => hash === row.hash));
  claim(ofTime);
  claim((row) => (ofTime(row).length > 0 ? [] : ofHash(row)));
  const surplus = new Map<JournalRow, Migration>();
  for (const row of rows) {
    const twin = owners.has(row) ? undefined : (ofTime(row)[0] ?? ofHash(row)[0]);
    if (twin) surplus.set(row, twin);
  }
  return { owners, surplus };
}

/** Returns the migration of each row where all have the time and the hash of one; undefined otherwise. */
function matchExactly(
  rows: readonly JournalRow[],
  migrations: readonly Migration[],
): Map<JournalRow, Migration> | undefined {
  const unclaimed = new Map<number, Migration>();
  for (const each of migrations) unclaimed.set(whenOf(each), each);
  if (unclaimed.size < migrations.length) return undefined;
  const owners = new Map<JournalRow, Migration>();
  for (const row of rows) {
    const when = row.created_at ?? Number.NaN;
    const owner = unclaimed.get(when);
    if (owner?.hash !== row.hash) return undefined;
    owners.set(row, owner);
    unclaimed.delete(when);
  }
  return owners;
}

function nameOf({ id, hash }: JournalRow): string {
  return `row ${id} (${hash.slice(0, 12)}…)`;
}

function strayRow(row: JournalRow, { journal, table }: JournalAndTable): Finding {
  const when = row.created_at;
  return findingOf({
    code: 'missing-file',
    severity: 'error',
    name: nameOf(row),
    message: `Row ${row.id} of ${table} (created_at ${when}${when === null ? '' : `, ${timeOf(when)}`}) matches no entry in ${journal}: the entry was removed, or another Drizzle configuration writes to the same table, in which case each makes Drizzle skip pending migrations of the other.`,
    help:
      when === null
        ? `Find out what wrote it, then set it to the when of its entry or delete it: SELECT * FROM ${table} WHERE id = ${row.id};`
        : `Find the entry: git log --oneline --all -S${when} -- '*_journal.json'. Restore it with its file, or use a separate table for each configuration (migrations.table in drizzle.config.ts).`,
  });
}

function recordedTwice(row: JournalRow, { name }: Migration, table: string): Finding {
  return findingOf({
    code: 'duplicate-row',
    severity: 'warning',
    name: nameOf(row),
    message: `${name} is recorded twice in ${table}; row ${row.id} is redundant. Drizzle takes no lock, so two concurrent runs may both have applied it.`,
    help: `Check that its statements did not run twice, then: DELETE FROM ${table} WHERE id = ${row.id};`,
  });
}

/** The largest `created_at`, and the table in SQL. */
interface NewestRow {
  newest: number;
  table: string;
}

/** Reports a row that matches its migration by hash, but not by time. */
function movedRow(row: JournalRow, migration: Migration, { newest, table }: NewestRow): Finding[] {
  const { name } = migration;
  const when = whenOf(migration);
  if (row.created_at === when) return [];
  const repeats = when > newest || row.created_at === null;
  const consequence =
    row.created_at === null
      ? 'Drizzle treats a row without a time as the newest and would run every migration again'
      : repeats
        ? 'Drizzle treats it as pending and would run it again'
        : 'Drizzle compares only the largest created_at, so it does not run it again';
  return [
    findingOf({
      code: 'recorded-at-another-time',
      severity: repeats ? 'warning' : 'info',
      name,
      message: `${name} is recorded with created_at ${row.created_at}, but its when in the journal is ${when}. ${consequence}.`,
      help: `UPDATE ${table} SET created_at = ${when} WHERE id = ${row.id};`,
    }),
  ];
}

function fromTheFuture(row: JournalRow, table: string): Finding {
  const at = row.created_at ?? 0;
  return findingOf({
    code: 'recorded-in-the-future',
    severity: 'warning',
    name: nameOf(row),
    message: `Row ${row.id} of ${table} has a created_at in the future (${at}, ${timeOf(at)}): Drizzle skips every migration generated before then.`,
    help: `Set the when of its journal entry to the time of its commit, and update the row: UPDATE ${table} SET created_at = <when> WHERE id = ${row.id};`,
  });
}

/** Reports migrations that Drizzle never runs: pending, and not newer than the newest row. */
function skipped(
  migrations: readonly Migration[],
  recorded: ReadonlySet<Migration>,
  { newest, table }: NewestRow,
): Finding[] {
  const last = migrations.findLastIndex((each) => recorded.has(each));
  return migrations.flatMap((migration, index) => {
    if (recorded.has(migration) || migration.isMissing || whenOf(migration) > newest) return [];
    const isLate = index < last;
    const { name, hash } = migration;
    return findingOf({
      code: isLate ? 'out-of-order' : 'skipped-by-drizzle',
      severity: 'warning',
      name,
      message: `${name} is not recorded, and Drizzle silently skips it: its when (${whenOf(migration)}) is not greater than the largest created_at (${newest}).`,
      help: `Apply it: dbops migrate up${isLate ? ' --allow-out-of-order' : ''}. If its objects already exist, add only its row: INSERT INTO ${table} (hash, created_at) VALUES (${quoteLiteral(hash)}, ${whenOf(migration)});`,
    });
  });
}

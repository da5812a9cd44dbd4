import { quoteLiteral } from '../../db/quote.ts';
import type { Migration } from '../../migration.ts';
import type { Finding } from '../../report.ts';
import type { Applied, Prospect, RowColumns } from '../format.ts';
import { byLocale } from '../shared/module-files.ts';
import { pendingAmong, textIn, type ColumnTypes, type RowOf } from '../shared/rows.ts';

export const kyselyRow = {
  name: 'string',
  /** ISO 8601, as text. */
  timestamp: 'string',
} as const satisfies ColumnTypes;
type KyselyRow = RowOf<typeof kyselyRow>;

interface TimedName {
  name: string;
  ms: number;
}

/**
 * Returns the rows in the order that Kysely checks (kysely, `#getExecutedMigrations` and
 * `#ensureMigrationsInOrder`): by time, and within a millisecond by `localeCompare`.
 */
export function toApplied(
  rows: readonly KyselyRow[],
  migrations: readonly Migration[],
  { table, isOrdered }: { table: string; isOrdered: boolean },
): Applied {
  const recorded = rows
    .map(({ name, timestamp }): TimedName => ({ name, ms: Date.parse(timestamp) }))
    .toSorted((a, b) => a.ms - b.ms || byLocale(a.name, b.name));
  return {
    applied: recorded.map(({ name, ms }) => ({
      name,
      hash: null,
      appliedAt: Number.isNaN(ms) ? null : new Date(ms),
    })),
    findings: [
      ...rows.filter(({ timestamp }) => Number.isNaN(Date.parse(timestamp))).map(notATime(table)),
      ...(isOrdered ? outOfOrder(recorded, migrations, table) : []),
    ],
  };
}

const notATime =
  (table: string) =>
  ({ name, timestamp }: KyselyRow): Finding => ({
    code: 'invalid-timestamp',
    severity: 'error',
    message: `${name} is recorded with the time "${timestamp}", which Kysely cannot parse: it stops with "corrupted migrations".`,
    help: `UPDATE ${table} SET timestamp = '2026-01-31T12:00:00.000Z' WHERE name = ${quoteLiteral(name)}; -- with a time between those of its neighbours`,
    where: { object: table, migration: name },
    key: `invalid-timestamp ${name}`,
  });

/** Compares recorded migrations only: a gap is a migration that is pending out of order. */
function outOfOrder(
  recorded: readonly TimedName[],
  migrations: readonly Migration[],
  table: string,
): Finding[] {
  const times = new Map(recorded.map(({ name, ms }) => [name, ms]));
  const inFolder = migrations.flatMap(({ name }) => (times.has(name) ? [name] : []));
  const known = new Set(inFolder);
  const inTable = recorded.map(({ name }) => name).filter((name) => known.has(name));
  const place = inTable.findIndex((name, index) => name !== inFolder[index]);
  const [found, expected] = [inTable[place], inFolder[place]];
  if (found === undefined || expected === undefined) return [];
  return [
    {
      code: 'recorded-order',
      severity: 'error',
      message: `${table} records ${listed(inTable, place)}, but the order in the folder is ${listed(inFolder, place)}: Kysely stops with "corrupted migrations" unless it runs with allowUnorderedMigrations.`,
      help: `Set the times in the order of the folder: ${reordered(inFolder, times, table)}`,
      where: { object: table, migration: found },
      key: `recorded-order ${found}`,
    },
  ];
}

/** Returns the names around the first one that is out of order. */
function listed(names: readonly string[], place: number): string {
  const from = Math.max(0, place - 1);
  const shown = names.slice(from, place + 3);
  const before = from > 0 ? '… ' : '';
  const after = names.length > place + 3 ? ', …' : '';
  return `${before}${shown.join(', ')}${after}`;
}

/** Returns SQL that reassigns the recorded times in the order of the folder, each once. */
function reordered(
  inFolder: readonly string[],
  times: ReadonlyMap<string, number>,
  table: string,
): string {
  const free = inFolder.map((name) => times.get(name) ?? 0).toSorted((a, b) => a - b);
  let last = -Infinity;
  const rows = inFolder.flatMap((name, index) => {
    last = Math.max(last + 1, free[index] ?? 0);
    if (last === times.get(name)) return [];
    return [`(${quoteLiteral(name)}, ${quoteLiteral(new Date(last).toISOString())})`];
  });
  return `UPDATE ${table} m SET timestamp = v.timestamp FROM (VALUES ${rows.join(', ')}) v(name, timestamp) WHERE m.name = v.name`;
}

/** As the Migrator: recorded migrations must exist, and come first where the order is checked. */
export function next(
  rows: readonly RowColumns[],
  migrations: readonly Migration[],
  isOrdered: boolean,
): Prospect {
  const recorded = rows
    .map((row): TimedName => ({
      name: textIn(row, 'name') ?? '',
      ms: Date.parse(textIn(row, 'timestamp') ?? ''),
    }))
    .toSorted((a, b) => a.ms - b.ms || byLocale(a.name, b.name))
    .map(({ name }) => name);
  const known = new Set(migrations.map(({ name }) => name));
  const missing = recorded.find((name) => !known.has(name));
  if (missing !== undefined)
    return { stops: `corrupted migrations: ${missing} is recorded, but has no file` };
  const at = recorded.findIndex((name, index) => name !== migrations[index]?.name);
  if (isOrdered && at >= 0)
    return {
      stops: `corrupted migrations: ${recorded[at]} is recorded at the position of ${migrations[at]?.name} in the folder`,
    };
  return { runs: pendingAmong(migrations, new Set(recorded)) };
}

/** Returns SQL that makes the times ascend by at least a millisecond, keeping times that do. */
export function arrange(table: string, names: readonly string[]): string {
  const places = names.map((name, place) => `(${quoteLiteral(name)}, ${place})`);
  return `UPDATE ${table} m SET timestamp = to_char(free AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  FROM (SELECT name, timestamp::timestamptz AS had, place * interval '1 ms'
      + max(timestamp::timestamptz - place * interval '1 ms') OVER (ORDER BY place) AS free
    FROM ${table} JOIN (VALUES ${places.join(', ')}) folder(name, place) USING (name)) risen
  WHERE risen.name = m.name AND free > had`;
}

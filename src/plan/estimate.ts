import type { DurationBand, LiveFacts, TableSizes } from './live-facts.ts';
import { sumOf } from './describe-band.ts';
import { relationKey, type ObservedRelation, type StatementObservation } from './observation.ts';

/**
 * Milliseconds of work on a server that scans at `referenceScan`, warm, on two cores. Measured on tables of 2
 * million rows of 125 bytes on PostgreSQL 15 and 18; `node bench/plan-estimates.ts` measures them again.
 */
const factors = {
  /** Evaluates a CHECK, NOT NULL or partition bound, or a query, for each row. */
  scan: { row: 0.07e-3, mb: 0.25 },
  /** Joins the two tables of a foreign key; of each of them. */
  foreignKey: { row: 0.25e-3, mb: 0.25 },
  /** Sorts the rows of a table and writes an index; `mb` is of the index. */
  index: { row: 0.4e-3, mb: 6.5 },
  /** Writes the heap and its TOAST to a new file and to the WAL, without indexes. */
  rewrite: { row: 0.4e-3, mb: 6 },
  /** Updates or deletes a row, without the indexes of its table. */
  write: { row: 3e-3, mb: 0 },
  /** Adds a row to one index. */
  indexEntry: { row: 1.5e-3, mb: 0 },
} satisfies Record<string, Factor>;

interface Factor {
  row: number;
  mb: number;
}

/** Milliseconds to scan one megabyte where the factors were measured. */
const referenceScan = 0.4;
/** The speed of a server where it was not measured, between the fastest and the slowest that were. */
const unknownSpeed = 2;
/** A scan of narrow rows, or of a table in cache, must not distort what is sorted and written. */
const speedLimits = { least: 0.5, most: 20 };
/** Bytes of an index for each row, before it exists: a bigint takes 22, a text of 64 characters 96. */
const guessedEntry = 40;

/** Multiples of the likely duration. */
const spreads = {
  measured: { low: 0.5, high: 3 },
  /** An index whose width and type of key are not known; text compares slower than numbers. */
  newIndex: { low: 0.4, high: 5 },
  /** A condition may select few rows. */
  write: { low: 0.02, high: 3 },
};
/** How much wider a band is where the speed of the server was not measured. */
const withoutSpeed = 2;

type Spread = (typeof spreads)['measured'];

const megabyte = 2 ** 20;

/** What to know beside the facts. */
interface EstimateOptions {
  /** Returns whether pending migrations create the relation, so that it has no rows. */
  isNew?: (relation: ObservedRelation) => boolean;
}

/**
 * Returns how long the work of a statement takes, in milliseconds: scans, validation of foreign keys, index builds,
 * rewrites and writes. What only changes the catalog takes 0. The time that it waits for locks is not contained.
 *
 * A band, because the state of the cache, the disk and other load are not known.
 *
 * @returns undefined where the size of one of the tables is not known
 */
export function estimateStatement(
  statement: StatementObservation,
  facts: LiveFacts,
  options: EstimateOptions = {},
): DurationBand | undefined {
  const created = statement.created.map(relationKey);
  const { isNew = () => false } = options;
  const lookup = tablesIn(facts, (it) => created.includes(relationKey(it)) || isNew(it));
  const parts = [
    ...rewritesOf(statement, lookup),
    ...buildsOf(statement, lookup),
    ...scansOf(statement, lookup),
    ...foreignKeyOf(statement, lookup),
    ...writesOf(statement, lookup),
  ];
  if (lookup.isUnknown()) return undefined;
  return sumOf(parts.map(({ work, spread }) => bandOf(work, spread, facts)));
}

/** Milliseconds at the reference speed. */
interface Part {
  work: number;
  spread: Spread;
}

interface Lookup {
  /** Returns the tables that store the rows of a relation: itself, or its partitions. */
  stored(relation: ObservedRelation): TableSizes[];
  /** Returns whether a relation was asked for whose size is not known. */
  isUnknown(): boolean;
}

function tablesIn({ tables }: LiveFacts, isNew: (relation: ObservedRelation) => boolean): Lookup {
  const byKey = new Map(tables.map((table) => [relationKey(table), table]));
  const parts = Map.groupBy(tables, ({ partitionOf }) => partitionOf && relationKey(partitionOf));
  const leaves = (table: TableSizes): TableSizes[] =>
    table.kind === 'partitioned table'
      ? (parts.get(relationKey(table)) ?? []).flatMap(leaves)
      : [table];
  let unknown = false;
  return {
    isUnknown: () => unknown,
    stored(relation) {
      const table = byKey.get(relationKey(relation.table ?? relation));
      if (table) return leaves(table);
      unknown ||= !isNew(relation);
      return [];
    },
  };
}

/** A partition counts once, also where its partitioned table is listed beside it. */
function distinctTables(relations: readonly ObservedRelation[], lookup: Lookup): TableSizes[] {
  return [...new Set(relations.flatMap((relation) => lookup.stored(relation)))];
}

/** A rewrite rebuilds every index of the table (server sources, `finish_heap_swap`). */
function rewritesOf({ rewrites }: StatementObservation, lookup: Lookup): Part[] {
  return distinctTables(rewrites, lookup).flatMap((table) => [
    measured(costOf(factors.rewrite, table.rows, table.heapBytes + table.toastBytes)),
    ...table.indexes.map(({ bytes }) => measured(costOf(factors.index, table.rows, bytes))),
  ]);
}

/** The size of an index that exists is that of its successor; the indexes of a rewritten table are counted there. */
function buildsOf({ builds, rewrites }: StatementObservation, lookup: Lookup): Part[] {
  const rewritten = new Set(distinctTables(rewrites, lookup));
  const seen = new Set<string>();
  return builds.flatMap(({ index, relation }) =>
    lookup.stored(relation).flatMap((table) => {
      const existing = table.indexes.find(({ name }) => name === index);
      const key = `${relationKey(table)} ${index}`;
      if (seen.has(key) || (existing && rewritten.has(table))) return [];
      seen.add(key);
      const read = costOf(factors.scan, 0, table.heapBytes);
      const bytes = existing?.bytes ?? table.rows * guessedEntry;
      const work = read + costOf(factors.index, table.rows, bytes);
      return [{ work, spread: existing ? spreads.measured : spreads.newIndex }];
    }),
  );
}

/** Conditions on a rewritten table are evaluated while it is rewritten (server sources, `ATRewriteTable`). */
function scansOf({ scans, rewrites }: StatementObservation, lookup: Lookup): Part[] {
  const rewritten = new Set(distinctTables(rewrites, lookup));
  const read = scans.filter(({ reason }) => reason !== 'foreign key').map((scan) => scan.relation);
  return distinctTables(read, lookup)
    .filter((table) => !rewritten.has(table))
    .map((table) => measured(costOf(factors.scan, table.rows, table.heapBytes)));
}

/** Validation joins the referencing and the referenced table, even where they were just rewritten. */
function foreignKeyOf({ scans }: StatementObservation, lookup: Lookup): Part[] {
  const read = scans.filter(({ reason }) => reason === 'foreign key');
  const tables = distinctTables(
    read.map(({ relation }) => relation),
    lookup,
  );
  return tables.map((table) => measured(costOf(factors.foreignKey, table.rows, table.heapBytes)));
}

/**
 * UPDATE and DELETE scan the table that they write; at most all its rows. INSERT with a query writes at most the
 * rows that the query reads. Other writes, by key or of listed values, are few.
 */
function writesOf({ scans, writes }: StatementObservation, lookup: Lookup): Part[] {
  const of = (reason: string) =>
    scans.filter((scan) => scan.reason === reason).map(({ relation }) => relation);
  const scanned = new Set(distinctTables(of('write'), lookup));
  const source = Math.max(0, ...distinctTables(of('query'), lookup).map(({ rows }) => rows));
  return distinctTables(writes, lookup).map((table) => {
    const rows = scanned.has(table) ? table.rows : source;
    const entries = table.indexes.length * costOf(factors.indexEntry, rows, 0);
    return { work: costOf(factors.write, rows, 0) + entries, spread: spreads.write };
  });
}

function measured(work: number): Part {
  return { work, spread: spreads.measured };
}

function costOf({ row, mb }: Factor, rows: number, bytes: number): number {
  return row * rows + (mb * bytes) / megabyte;
}

function bandOf(work: number, { low, high }: Spread, { scanMsPerMb }: LiveFacts): DurationBand {
  const speed = scanMsPerMb === undefined ? unknownSpeed : limited(scanMsPerMb / referenceScan);
  const doubt = scanMsPerMb === undefined ? withoutSpeed : 1;
  const likely = work * speed;
  return { low: (likely * low) / doubt, likely, high: likely * high * doubt };
}

function limited(speed: number): number {
  return Math.min(speedLimits.most, Math.max(speedLimits.least, speed));
}

import { quoteIdentifier, quoteName } from '../db/quote.ts';
import { usageError } from '../errors.ts';
import type { SeedCatalog, SeedColumn, SeedTable, UniqueIndex } from './catalog.ts';
import type { SeedSet } from './resolve.ts';

/** A set whose table, columns and key exist. */
export interface BoundSet {
  set: SeedSet;
  table: SeedTable;
  /** The columns that the rows give values for. */
  columns: readonly SeedColumn[];
  /** By which a row is found. */
  index: UniqueIndex;
  /** Columns that are kept equal. */
  managed: readonly string[];
  /** Columns that `--reset` also sets. */
  resettable: readonly string[];
  /** By column with references: the column of the other set's rows that it gets. */
  targets: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Returns the names of functions that the SQL of rows may call, to ask the server about. */
export function calledFunctions(sets: readonly SeedSet[]): string[] {
  const texts = sets.flatMap(({ rows }) =>
    rows.flatMap(({ values }) =>
      [...values.values()].flatMap((value) => (value.kind === 'sql' ? [value.sql] : [])),
    ),
  );
  return [...new Set(texts.flatMap(callsIn))];
}

/** Words before a parenthesis; that of a quoted name with capitals finds no function and counts as unstable. */
function callsIn(sql: string): string[] {
  return [...sql.matchAll(/([\p{L}_][\p{L}\p{N}_$]*)"?\s*\(/gu)].map(([, name = '']) =>
    name.toLowerCase(),
  );
}

/** Keywords that are functions of the clock or of the session (server manual, "Date/Time Functions"). */
const keywords = /\b(?:current_\w+|localtime|localtimestamp|session_user|user)\b/i;

/** Returns whether SQL gives the same value at every run: then the column is kept equal to it. */
function isStable(sql: string, { unstable }: Pick<SeedCatalog, 'unstable'>): boolean {
  return !keywords.test(sql) && !callsIn(sql).some((name) => unstable.has(name));
}

/**
 * Finds the table, the columns and the index of each set.
 *
 * @throws usage error that names the set, and the SQL to paste where an index is missing
 */
export function bindSets(
  sets: readonly SeedSet[],
  catalog: Pick<SeedCatalog, 'tables' | 'unstable'>,
): BoundSet[] {
  const tables = new Map(sets.map((set, at) => [set.name, assertTable(set, catalog.tables[at])]));
  return sets.map((set) => bindSet(set, tables, catalog));
}

/** Finds the columns and the index of one set; `tables` has its table. @throws as `bindSets` does */
export function bindSet(
  set: SeedSet,
  tables: ReadonlyMap<string, SeedTable>,
  catalog: Pick<SeedCatalog, 'unstable'>,
): BoundSet {
  const table = tables.get(set.name) ?? assertTable(set, null);
  const names = [...new Set(set.rows.flatMap(({ values }) => [...values.keys()]))];
  const columns = names.map((name) => assertColumn(set, table, name));
  for (const name of [...set.key, ...listed(set.once), ...listed(set.keep)])
    assertExists(set, table, name);
  // SQL that gives another value at each run cannot be compared.
  const fixed = [...set.key, ...table.primaryKey, ...unstableColumns(set, catalog)];
  const kept = new Set([...fixed, ...(set.keep === '*' ? names : set.keep)]);
  const once = new Set([...kept, ...(set.once === '*' ? names : set.once)]);
  return {
    set,
    table,
    columns,
    index: assertIndex(set, table),
    managed: names.filter((name) => !once.has(name)),
    resettable: names.filter((name) => !kept.has(name)),
    targets: targetsOf(set, table, tables),
  };
}

function listed(columns: readonly string[] | '*'): readonly string[] {
  return columns === '*' ? [] : columns;
}

function unstableColumns(set: SeedSet, catalog: Pick<SeedCatalog, 'unstable'>): string[] {
  const unstable = set.rows.flatMap(({ values }) =>
    [...values].flatMap(([column, value]) =>
      value.kind === 'sql' && !isStable(value.sql, catalog) ? [column] : [],
    ),
  );
  const inKey = unstable.find((column) => set.key.includes(column));
  if (inKey !== undefined)
    throw usageError(
      'SEED.KEY',
      `seeds.${set.name} has a key whose SQL gives another value at each run: ${inKey}.`,
      'Give the key a fixed value.',
    );
  return unstable;
}

/** Returns the table of a declared name. @throws usage error when there is none */
export function assertTable(
  { name, label }: Pick<SeedSet, 'name' | 'label'>,
  table: SeedTable | null | undefined,
): SeedTable {
  if (table && ['r', 'p'].includes(table.kind)) return table;
  throw usageError(
    'SEED.NOT_MIGRATED',
    table
      ? `seeds.${name}.table is not a table: ${label}`
      : `seeds.${name}.table does not exist: ${label}`,
    table
      ? 'Name the table whose rows are seeded.'
      : 'Apply the migrations: dbops migrate up. Otherwise correct the name: capitals count, and a table outside the search_path needs its schema.',
  );
}

function assertExists({ name, label }: SeedSet, table: SeedTable, column: string): SeedColumn {
  const found = table.columns.find((each) => each.name === column);
  if (found) return found;
  const names = table.columns.map((each) => each.name).join(', ');
  throw usageError(
    'SEED.COLUMN',
    `seeds.${name} names a column that ${label} does not have: ${column}`,
    'Correct the name, or apply the migrations: dbops migrate up',
    [`columns: ${names}`],
  );
}

/** Returns a column that can be written. @throws usage error */
export function assertColumn(
  set: Pick<SeedSet, 'name' | 'label' | 'overriding'>,
  table: SeedTable,
  name: string,
): SeedColumn {
  const column = assertExists(set as SeedSet, table, name);
  if (!column.isGenerated && (!column.isAlwaysIdentity || set.overriding)) return column;
  throw usageError(
    'SEED.COLUMN',
    `seeds.${set.name} gives a value for ${name}, which the server generates.`,
    column.isGenerated
      ? `Remove ${name} from the rows.`
      : `Remove ${name} from the rows, or set overriding: true to insert your own values.`,
  );
}

function assertIndex({ name, key }: SeedSet, table: SeedTable): UniqueIndex {
  const wanted = key.toSorted().join('\0');
  const index = table.uniques.find(({ columns }) => columns.toSorted().join('\0') === wanted);
  if (index) return index;
  const on = quoteName({ schema: table.schema, name: table.name });
  throw usageError(
    'SEED.KEY',
    `seeds.${name}.key has no unique index: ${key.join(', ')}`,
    `Add a migration: CREATE UNIQUE INDEX ON ${on} (${key.map((each) => quoteIdentifier(each)).join(', ')});`,
    [
      'A row is found by its key, and ON CONFLICT needs a unique index on exactly these columns.',
      ...table.uniques.map(({ columns }) => `unique: ${columns.join(', ')}`),
    ],
  );
}

function targetsOf(
  set: SeedSet,
  table: SeedTable,
  tables: ReadonlyMap<string, SeedTable>,
): BoundSet['targets'] {
  const targets = new Map<string, Map<string, string>>();
  for (const { place, values } of set.rows) {
    for (const [column, value] of values) {
      if (value.kind !== 'row') continue;
      const bySet = targets.get(column) ?? new Map<string, string>();
      targets.set(column, bySet);
      const other = tables.get(value.set);
      if (other && !bySet.has(value.set))
        bySet.set(value.set, targetOf(column, table, other, `${place}.${column}`));
    }
  }
  return targets;
}

/**
 * Returns the column that the foreign key of a column targets. Without one: the unique column with the
 * same name, or else the primary key.
 *
 * @throws usage error
 */
export function targetOf(
  column: string,
  table: SeedTable,
  other: SeedTable,
  place: string,
): string {
  const keys = table.foreignKeys.filter(
    (each) => each.table === other.oid && each.columns.includes(column),
  );
  const [key] = keys.toSorted((a, b) => a.columns.length - b.columns.length);
  const target = key
    ? key.targets[key.columns.indexOf(column)]
    : (namesake(column, other) ?? onlyOne(other.primaryKey));
  if (target !== undefined) return target;
  throw usageError(
    'SEED.REF',
    `${place} cannot be resolved: no foreign key leads to ${other.name}, which has no primary key of one column.`,
    'Add the foreign key in a migration, or give the value as sql`(SELECT …)`.',
  );
}

/** Applications without foreign keys refer by the name of a unique column, such as `clerk_user_id`. */
function namesake(column: string, { uniques }: SeedTable): string | undefined {
  const isIt = ({ columns, predicate }: SeedTable['uniques'][number]) =>
    predicate === null && onlyOne(columns) === column;
  return uniques.some(isIt) ? column : undefined;
}

function onlyOne([first, another]: readonly string[]): string | undefined {
  return another === undefined ? first : undefined;
}

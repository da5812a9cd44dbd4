import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import type { BoundSet } from './bind.ts';
import type { SeedColumn, SeedTable } from './catalog.ts';

// Names of ours begin with a colon, so that an unqualified column in the predicate of an index is the table's.

/** Returns the table in SQL. */
export function sqlName({ schema, name }: Pick<SeedTable, 'schema' | 'name'>): string {
  return quoteName({ schema, name });
}

/** The name of a column in the JSON that is sent. */
const field = (set: Pick<BoundSet, 'columns'>, column: string) =>
  `:${set.columns.findIndex(({ name }) => name === column)}`;

/** Returns the records of a jsonb value as rows with the types of their columns. */
function recordOf(set: BoundSet, source: string, alias: string): string {
  const columns = set.columns.map(
    ({ name, type, collation }) =>
      `${q(field(set, name))} ${type}${collation ? ` COLLATE ${collation}` : ''}`,
  );
  return `${source} AS ${q(alias)} (${columns.join(', ')})`;
}

/** Returns the condition that a row of the table `t` is that of the declared row. */
function sameKey(set: BoundSet, alias: string): string {
  const { columns, operators, predicate } = set.index;
  const equal = columns.map(
    (column, at) => `t.${q(column)} ${operators[at] ?? '='} ${q(alias)}.${q(field(set, column))}`,
  );
  return [...equal, ...(predicate ? [`(${predicate})`] : [])].join(' AND ');
}

function differs(set: BoundSet, { name, isPlain, isJson }: SeedColumn): string {
  const [actual, declared] = [`t.${q(name)}`, `":f".${q(field(set, name))}`];
  if (isPlain) return `${actual} IS DISTINCT FROM ${declared}`;
  if (isJson) return `${actual}::jsonb IS DISTINCT FROM ${declared}::jsonb`;
  // Types outside pg_catalog have operators elsewhere, and a collation may call different texts equal.
  return `${actual}::text COLLATE "C" IS DISTINCT FROM ${declared}::text COLLATE "C"`;
}

/** What `planSql` reads in `$1`: by set, its rows. Each `v` is JSON text by field, each `r` is `[set, row]`. */
export interface SentRow {
  v: ReadonlyMap<string, string>;
  r: ReadonlyMap<string, readonly [set: number, n: number]>;
}

/** Returns `$1` of `planSql` as JSON text; the values are JSON text already. */
export function sentJson(sets: readonly { set: BoundSet; rows: readonly SentRow[] }[]): string {
  const rowText = (set: BoundSet, { v, r }: SentRow) => {
    const values = [...v].map(([column, json]) => `${JSON.stringify(field(set, column))}:${json}`);
    const refs = [...r].map(
      ([column, [other, n]]) => `${JSON.stringify(field(set, column))}:{"s":${other},"n":${n}}`,
    );
    return `{"v":{${values.join()}},"r":{${refs.join()}}}`;
  };
  return `[${sets.map(({ set, rows }) => `[${rows.map((row) => rowText(set, row)).join()}]`).join()}]`;
}

/** A row that `planSql` returns. */
export interface FoundRow {
  set: number;
  /** 1-based. */
  n: number;
  found: boolean;
  /** Compared columns whose value differs. */
  differing: string[];
  /** By target column of a reference, its value as text. */
  refs: Record<string, string | null>;
}

/**
 * Returns one statement that finds the rows of all sets by their keys and compares them. Result: `FoundRow`.
 *
 * @param wanted by set, the columns that references of any set need
 */
export function planSql(
  sets: readonly BoundSet[],
  compared: (set: BoundSet) => readonly string[],
  wanted: ReadonlyMap<string, ReadonlySet<string>>,
): string {
  const numbers = new Map(sets.map(({ set }, at) => [set.name, at]));
  const queries = sets.map(
    (set, at) => `":${at}" AS MATERIALIZED (
  ${planOf(set, at, { numbers, compared: compared(set), wanted: wanted.get(set.set.name) ?? new Set() })})`,
  );
  const parts = sets.map(
    (_, at) =>
      `SELECT ${at} AS set, ":n" AS n, ":found" AS found, ":differing" AS differing, ":refs" AS refs FROM ":${at}"`,
  );
  return `WITH ${queries.join(',\n')}\n${parts.join('\nUNION ALL ')}`;
}

function planOf(
  set: BoundSet,
  at: number,
  {
    numbers,
    compared,
    wanted,
  }: {
    numbers: ReadonlyMap<string, number>;
    compared: readonly string[];
    wanted: ReadonlySet<string>;
  },
): string {
  const references = [...set.targets].flatMap(([column, bySet]) =>
    [...bySet].flatMap(([other, target]) => {
      const number = numbers.get(other);
      return number === undefined ? [] : [{ name: field(set, column), number, target }];
    }),
  );
  const joins = references.map(({ name, number }, index) => {
    const chosen = `":d".":value" -> 'r' -> ${quoteLiteral(name)}`;
    return `LEFT JOIN ":${number}" AS ":r${index}" ON ":r${index}".":n" =
      CASE WHEN (${chosen} ->> 's')::int = ${number} THEN (${chosen} ->> 'n')::int END`;
  });
  const objects = references.map(({ name, number, target }, index) => {
    const chosen = `":d".":value" -> 'r' -> ${quoteLiteral(name)}`;
    const value = `":r${index}".":refs" -> ${quoteLiteral(target)}`;
    return ` || CASE WHEN (${chosen} ->> 's')::int = ${number}
      THEN jsonb_build_object(${quoteLiteral(name)}, ${value}) ELSE '{}' END`;
  });
  const cases = compared.flatMap((name) => {
    const column = set.columns.find((each) => each.name === name);
    if (!column) return [];
    const isGiven = `":o".":v" ? ${quoteLiteral(field(set, name))}`;
    return `CASE WHEN ${isGiven} AND ${differs(set, column)} THEN ${quoteLiteral(name)} END`;
  });
  const refs = [...wanted].map((name) => `${quoteLiteral(name)}, t.${q(name)}::text`);
  const [first = ''] = set.index.columns;
  return `SELECT ":d".":n"::int AS ":n", t.${q(first)} IS NOT NULL AS ":found",
      array_remove(ARRAY[${cases.join(', ')}]::text[], NULL) AS ":differing",
      jsonb_build_object(${refs.join(', ')}) AS ":refs"
    FROM jsonb_array_elements($1::jsonb -> ${at}) WITH ORDINALITY AS ":d" (":value", ":n")
    ${joins.join('\n    ')}
    CROSS JOIN LATERAL (SELECT (":d".":value" -> 'v')${objects.join('')} AS ":v") AS ":o"
    CROSS JOIN LATERAL ${recordOf(set, 'jsonb_to_record(":o".":v")', ':f')}
    LEFT JOIN ${sqlName(set.table)} AS t ON ${sameKey(set, ':f')}`;
}

/**
 * Returns SQL that inserts the records of `$1`. Columns that are not named get their defaults. A row that a
 * trigger or another session inserted meanwhile is kept, and its managed columns are set.
 */
export function insertSql(set: BoundSet, columns: readonly string[]): string {
  const { index, managed } = set;
  const list = columns.map((column) => q(column)).join(', ');
  const values = columns.map((column) => `":f".${q(field(set, column))}`).join(', ');
  const updates = managed
    .filter((column) => columns.includes(column))
    .map((column) => `${q(column)} = excluded.${q(column)}`);
  const target = `(${index.columns.map((column) => q(column)).join(', ')})${index.predicate ? ` WHERE ${index.predicate}` : ''}`;
  return `INSERT INTO ${sqlName(set.table)} AS t (${list})${set.set.overriding ? ' OVERRIDING SYSTEM VALUE' : ''}
    SELECT ${values} FROM ${recordOf(set, 'pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)', ':f')}
    ON CONFLICT ${target} DO ${updates.length > 0 ? `UPDATE SET ${updates.join(', ')}` : 'NOTHING'}`;
}

/** Returns SQL that sets columns of the rows of the records of `$1`. */
export function updateSql(set: BoundSet, columns: readonly string[]): string {
  const values = columns.map((column) => `${q(column)} = ":f".${q(field(set, column))}`);
  return `UPDATE ${sqlName(set.table)} AS t SET ${values.join(', ')}
    FROM ${recordOf(set, 'pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)', ':f')}
   WHERE ${sameKey(set, ':f')}`;
}

/** Returns `$1` of `insertSql` and `updateSql`. */
export function recordsJson(set: BoundSet, rows: readonly SentRow[]): string {
  const texts = rows.map(({ v }) => {
    const values = [...v].map(([column, json]) => `${JSON.stringify(field(set, column))}:${json}`);
    return `{${values.join()}}`;
  });
  return `[${texts.join()}]`;
}

import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import { hasChosenId } from './identities.ts';
import type { KeyPart, SeedTable } from './definition.ts';

/** Named schema: the search_path of a role must not decide where rows are written. */
function nameOf(table: string): string {
  return quoteName({ schema: 'public', name: table });
}

/**
 * Returns SQL for `$1`, a JSON array, as rows of the table: each value is read by the input function
 * of its column, so IS DISTINCT FROM compares by the equality of the column's type.
 */
function fixtureRows(table: string): string {
  return `pg_catalog.jsonb_populate_recordset(NULL::${nameOf(table)}, $1)`;
}

/**
 * Returns SQL that finds the rows of a fixture by their key, else by the id that the seed chooses.
 * Result: `{n, id, differing}`: the 1-based row, its id and the `columns` whose value differs.
 */
export function findRows(fixture: SeedTable, columns: readonly string[]): string {
  const { table, key, identity } = fixture;
  const id = identity === 'key' ? 'NULL::text' : 't.id::text';
  const ours = hasChosenId(fixture) ? 't.id OPERATOR(pg_catalog.=) f.id' : 'true';
  const find = (rank: number, condition: string) =>
    `SELECT f.ordinality::int AS n, ${id} AS id, ${ours} AS ours, ${rank} AS rank,
        ${differing(columns)} AS differing
       FROM f JOIN ${nameOf(table)} t ON ${condition}`;
  const branches = [
    ...(key.length > 0 ? [find(0, sameKey(key))] : []),
    ...(hasChosenId(fixture) ? [find(1, 't.id OPERATOR(pg_catalog.=) f.id')] : []),
  ];
  return `WITH f AS (SELECT * FROM ${fixtureRows(table)} WITH ORDINALITY AS f)
    SELECT DISTINCT ON (n) n, id, differing FROM (${branches.join(' UNION ALL ')}) found
     ORDER BY n, rank, ours DESC, id`;
}

function differing(columns: readonly string[]): string {
  const names = columns.map(
    (column) =>
      `CASE WHEN t.${q(column)} IS DISTINCT FROM f.${q(column)} THEN ${quoteLiteral(column)} END`,
  );
  return `array_remove(ARRAY[${names.join(', ')}]::text[], NULL)`;
}

function sameKey(key: readonly KeyPart[]): string {
  return key
    .map((part) => `${keyPart('t', part)} OPERATOR(pg_catalog.=) ${keyPart('f', part)}`)
    .join(' AND ');
}

function keyPart(alias: string, part: KeyPart): string {
  if (typeof part === 'string') return `${alias}.${q(part)}`;
  // All operators that are named so have one precedence.
  return `(${alias}.${q(part.column)} OPERATOR(pg_catalog.->>) ${quoteLiteral(part.field)})`;
}

/** Returns SQL that inserts `$1`. Columns that are not named get their defaults. */
export function insertRows({ table }: SeedTable, columns: readonly string[]): string {
  const list = columns.map(q).join(', ');
  return `INSERT INTO ${nameOf(table)} (${list}) SELECT ${list} FROM ${fixtureRows(table)}`;
}

/** Returns SQL that updates the columns of the rows of `$1`, found by id or, without one, by key. */
export function updateRows(
  { table, key, identity }: SeedTable,
  columns: readonly string[],
): string {
  const set = columns.map((column) => `${q(column)} = f.${q(column)}`).join(', ');
  const same = identity === 'key' ? sameKey(key) : 't.id OPERATOR(pg_catalog.=) f.id';
  return `UPDATE ${nameOf(table)} t SET ${set} FROM ${fixtureRows(table)} f WHERE ${same}`;
}

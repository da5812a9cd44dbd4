import { quoteIdentifier } from '../../db/quote.ts';
import type { ExpressionType } from '../../declared/types.ts';
import type { Credits } from './definition.ts';

/** A declared expression as text; of an expression that is not declared, NULL. */
export function asText(sql: string | undefined): string {
  // "C" compares bytes, whatever collations the columns of two tables have.
  return `CAST(${value(sql)} AS pg_catalog.text) COLLATE pg_catalog."C"`;
}

export function asNumber(sql: string | undefined): string {
  return `CAST(${value(sql)} AS pg_catalog.numeric)`;
}

const integers = new Set(['int2', 'int4', 'int8']);

export function isInteger(type: ExpressionType | undefined): boolean {
  return integers.has(type?.builtIn ?? '');
}

/** Integers are added exactly as they are, and faster than numerics. */
export function asSummable(sql: string, type: ExpressionType | undefined): string {
  return isInteger(type) ? condition(sql) : asNumber(sql);
}

/** A key to group by: integers and uuids as they are, which is faster, and any other type as text. */
export function asKey(sql: string | undefined, type: ExpressionType | undefined): string {
  const isPlain = isInteger(type) || type?.builtIn === 'uuid';
  return sql !== undefined && isPlain ? condition(sql) : asText(sql);
}

/** A time without a zone is in UTC, the time zone of the transaction. */
export function asTime(sql: string | undefined): string {
  return `CAST(${value(sql)} AS pg_catalog.timestamptz)`;
}

/** A declared condition; `true` where none is declared. */
export function condition(sql: string | undefined): string {
  return sql === undefined ? 'true' : `(\n${sql}\n)`;
}

/** SQL: whether a numeric is neither NULL, NaN nor infinite. NaN is greater than every number. */
export function isFinite(number: string): string {
  return `(${number} OPERATOR(pg_catalog.>) '-Infinity' AND ${number} OPERATOR(pg_catalog.<) 'Infinity')`;
}

export function equal(left: string, right: string): string {
  return `${left} OPERATOR(pg_catalog.=) ${right}`;
}

function value(sql: string | undefined): string {
  return sql === undefined ? 'NULL' : `(\n${sql}\n)`;
}

/**
 * The holders as a query of `id`, `name`, `listed` (not excluded by `where`) and `copies` (rows that are
 * listed under the id).
 *
 * @param filter condition on the ids
 */
export function holdersSql(
  { holders: { from, id, name, where } }: Credits,
  filter: string,
): string {
  return `SELECT id, pg_catalog.max(name) FILTER (WHERE listed) AS name, pg_catalog.bool_or(listed) AS listed,
       pg_catalog.count(*) FILTER (WHERE listed) AS copies
  FROM (SELECT ${asText(id)} AS id, ${asText(name)} AS name, ${condition(where)} IS TRUE AS listed
          FROM ${from}\n         WHERE ${filter}) AS holders
 WHERE id IS NOT NULL GROUP BY id`;
}

/** A condition on the holder of a row, with `placeholder` for the array of ids. */
export interface HolderFilter {
  sql: string;
  values: unknown[];
}

/**
 * Returns the condition that a row belongs to one of the holders. Where the type is that of the holders'
 * ids, the expression is compared as it is, so that its index can be used.
 */
export function ofHolders(
  sql: string,
  ids: readonly string[] | undefined,
  [own, theirs]: readonly [ExpressionType | undefined, ExpressionType | undefined],
  placeholder: string,
): HolderFilter {
  if (!ids) return { sql: 'true', values: [] };
  const native = own?.oid === theirs?.oid ? own?.builtIn : undefined;
  const type = `pg_catalog.${quoteIdentifier(native ?? 'text')}`;
  const left = native === undefined ? asText(sql) : condition(sql);
  return {
    sql: `${left} OPERATOR(pg_catalog.=) ANY (CAST(${placeholder} AS ${type}[]))`,
    values: [ids],
  };
}

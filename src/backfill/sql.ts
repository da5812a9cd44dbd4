import { isOther, isSame } from '../db/compare.ts';
import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import type { Relation } from './read-table.ts';
import type { Subject } from './resolve-target.ts';

/*
 * The SQL of a backfill, as text. Statements that hold an expression of the definition run under the
 * search_path of the role, so everything else in them is named with its schema.
 */

const equal = 'OPERATOR(pg_catalog.=)';

/** A set of rows of one table. */
export interface Rows {
  /** Whether rows are identified by ctid or by primary key. */
  naming: 'ctid' | 'key';
  /** `(page,row)`, or a JSON array of the key values as text. */
  ids: readonly string[];
}

/** `fix` also changes rows whose value differs from that of their source. */
export type Purpose = 'fill' | 'fix';

export const columnOf = ({ alias, column }: Subject) => `${alias}.${quoteIdentifier(column)}`;

/** Returns SQL: whether a row may need a value, without computing it. */
export function candidates(subject: Subject, purpose: Purpose): string {
  const { done, where } = subject;
  const open =
    done !== undefined
      ? `(${done}\n) IS NOT TRUE`
      : purpose === 'fix'
        ? 'true'
        : `${columnOf(subject)} IS NULL`;
  return where === undefined ? open : `(${where}\n) AND ${open}`;
}

interface SourceJoin {
  join: string;
  value: string;
  /** SQL: whether the source has a row for it, even with NULL. */
  found: string;
}

/** Joins the source by a unique key; otherwise all matching source rows must agree. */
function joined({ value, from, orphanValue }: Subject): SourceJoin {
  const orElse = (sql: string) =>
    orphanValue === undefined ? sql : `coalesce(${sql}, ${orphanValue})`;
  if (!from) return { join: '', value: orElse(value), found: 'true' };
  if (from.isUnique)
    return {
      join: ` LEFT JOIN ${from.sql} ON (${from.on}\n)`,
      value: orElse(value),
      found: `((${from.on}\n) IS TRUE)`,
    };
  return {
    join: ` LEFT JOIN LATERAL (
      SELECT CASE WHEN pg_catalog.count(DISTINCT v) ${equal} 1
                  THEN (pg_catalog.array_agg(v) FILTER (WHERE v IS NOT NULL))[1] END AS value,
             pg_catalog.count(*) OPERATOR(pg_catalog.>) 0
               AND pg_catalog.count(DISTINCT v) OPERATOR(pg_catalog.<=) 1 AS found
        FROM (SELECT ${value} AS v FROM ${from.sql} WHERE (${from.on}\n)) AS dbops_each) AS dbops_answer ON true`,
    value: orElse('dbops_answer.value'),
    found: 'dbops_answer.found',
  };
}

/**
 * Returns a SELECT of the rows of a table with their current and their expected value. Of a number of a
 * sequence, which a query must not take, the value is only that there is one.
 */
function answers(subject: Subject, from: string, failed: string, condition = 'true'): string {
  const { alias, where, done, isNumber } = subject;
  const { join, found, ...expected } = joined(subject);
  const value = isNumber ? 'true' : expected.value;
  return `SELECT ${alias}.tableoid AS relation, ${alias}.ctid AS tid, ${columnOf(subject)} AS current, ${failed} AS failed,
      CASE WHEN ${failed} THEN NULL ELSE ${value} END AS value, ${found} AS found,
      ${done === undefined ? 'NULL::boolean' : `(${done}\n)`} AS done
    FROM ${from} AS ${alias}${join}
    WHERE ${condition}${where === undefined ? '' : ` AND (${where}\n)`}`;
}

/** Conditions on the rows of `answers`. */
function classes({ done }: Subject) {
  const missing = done === undefined ? 'current IS NULL' : 'done IS NOT TRUE';
  const wrong =
    done === undefined
      ? `current IS NOT NULL AND found AND ${isOther('value', 'current')}`
      : 'false';
  return {
    right: `NOT (${missing}) AND NOT (NOT failed AND ${wrong})`,
    open: `${missing} AND NOT failed AND value IS NOT NULL`,
    orphans: `${missing} AND NOT failed AND value IS NULL`,
    mismatched: `NOT failed AND ${wrong}`,
    quarantined: `${missing} AND failed`,
  };
}

/**
 * Returns a SELECT that counts the rows of each class in one pass.
 *
 * @param failed SQL: whether the value of a row cannot be computed
 */
export function account(subject: Subject, failed: string): string {
  const counts = Object.entries(classes(subject)).map(
    ([name, condition]) =>
      `pg_catalog.count(*) FILTER (WHERE ${condition})::pg_catalog.float8 AS "${name}"`,
  );
  return `SELECT pg_catalog.count(*)::pg_catalog.float8 AS total, ${counts.join(', ')}
    FROM (${answers(subject, subject.table, failed)}) AS dbops_row`;
}

/** Returns a SELECT that describes up to 5 rows of a class. */
export function samples(subject: Subject, failed: string, which: 'orphans' | 'mismatched'): string {
  const { key, alias, reads, table } = subject;
  const names = [...new Set([...key.map(({ name }) => name), ...reads])];
  const parts = names.map(
    (name) =>
      `pg_catalog.concat(${quoteLiteral(`${name} `)}, coalesce(${alias}.${quoteIdentifier(name)}::pg_catalog.text, '(none)'))`,
  );
  const words =
    which === 'mismatched'
      ? `, ' has ', current::pg_catalog.text, ', not ', coalesce(value::pg_catalog.text, 'none')`
      : '';
  const row = `SELECT pg_catalog.concat_ws(', ', ${parts.join(', ') || `${alias}.ctid::pg_catalog.text`})
    FROM ${table} AS ${alias} WHERE ${alias}.tableoid ${equal} relation AND ${alias}.ctid ${equal} tid`;
  return `SELECT pg_catalog.concat((${row})${words}) AS sample
    FROM (${answers(subject, table, failed)}) AS dbops_row
    WHERE ${classes(subject)[which]} LIMIT 5`;
}

/** Rows that one query of the final sweep returns. */
export const mostAtOnce = 20_000;

/**
 * Returns a SELECT of the ctids of open rows. A MATERIALIZED query is planned for all of its rows; with
 * LIMIT alone the planner would choose a plan for the first few, and usually there are none.
 */
export function remaining(subject: Subject, { name }: Relation, failed: string, purpose: Purpose) {
  const { open, mismatched } = classes(subject);
  const left = purpose === 'fix' ? `(${open}) OR (${mismatched} AND value IS NOT NULL)` : open;
  return `WITH remaining AS MATERIALIZED (
      SELECT tid FROM (${answers(subject, `ONLY ${name}`, failed)}) AS dbops_row WHERE ${left})
    SELECT tid::pg_catalog.text AS id FROM remaining LIMIT ${mostAtOnce}`;
}

/** Returns the same without computing values, for when that fails on a row. */
export function remainingUnread(
  subject: Subject,
  { name }: Relation,
  failed: string,
  purpose: Purpose,
) {
  return `SELECT ${subject.alias}.ctid::pg_catalog.text AS id FROM ONLY ${name} AS ${subject.alias}
    WHERE NOT ${failed} AND ${candidates(subject, purpose)}`;
}

/** Returns a SELECT of how many of the rows no other session locks; it locks them until the transaction ends. */
export function unlockedAmong(subject: Subject, { name }: Relation, rows: Rows): string {
  return `SELECT pg_catalog.count(*)::pg_catalog.float8 AS rows FROM (SELECT FROM ONLY ${name} AS ${subject.alias}
    WHERE ${among(subject, rows)} FOR NO KEY UPDATE SKIP LOCKED) AS dbops_free`;
}

/** Returns SQL of the id of a row, as in `Rows`. */
export function nameOfRow(subject: Subject, naming: Rows['naming']): string {
  if (naming === 'ctid') return `${subject.alias}.ctid::pg_catalog.text`;
  const parts = subject.key.map(
    ({ name }) => `${subject.alias}.${quoteIdentifier(name)}::pg_catalog.text`,
  );
  return `pg_catalog.jsonb_build_array(${parts.join(', ')})::pg_catalog.text`;
}

/** Returns the page of a ctid, such as 12 of `(12,3)`. */
export function pageOf(id: string): number {
  return Number.parseInt(id.slice(1), 10);
}

/** Returns SQL: whether a row belongs to the set. */
export function among(subject: Subject, { naming, ids }: Rows): string {
  if (naming === 'ctid')
    return `${subject.alias}.ctid ${equal} ANY('{${ids.map((id) => `"${id}"`).join(',')}}'::pg_catalog.tid[])`;
  const pairs = subject.key.map(
    ({ name, type, equals }, at) =>
      `${subject.alias}.${quoteIdentifier(name)} ${equals} (k.id OPERATOR(pg_catalog.->>) ${at})::${type}`,
  );
  return `EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(${quoteLiteral(`[${ids.join(',')}]`)}) AS k (id)
    WHERE ${pairs.join(' AND ')})`;
}

/**
 * Returns SQL that reads the pages of the rows, which prunes dead versions of the previous stripe: a
 * scan does that, a lookup by ctid does not (server sources, `heap_page_prune_opt`).
 */
export function prunePages({ alias }: Subject, { name }: Relation, { ids }: Rows): string {
  const [first = '', last = first] = [ids[0], ids.at(-1)];
  return `SELECT pg_catalog.count(*) AS pruned FROM ONLY ${name} AS ${alias}
    WHERE ${alias}.ctid OPERATOR(pg_catalog.>=) '(${pageOf(first)},0)'
      AND ${alias}.ctid OPERATOR(pg_catalog.<) '(${pageOf(last) + 1},0)'`;
}

/**
 * Returns an UPDATE that fills the rows that still need a value, and returns of each whether the value
 * is `stored`: a BEFORE trigger may have restored the previous one.
 *
 * A row of a partition goes through the root where its new value may belong to another partition.
 *
 * A source with a unique key is joined to the row itself, so that the server evaluates the join again
 * under the row's lock. Otherwise a row that was changed concurrently is left for the final sweep,
 * because its ctid changed.
 *
 * @param skipLocked skip rows that other sessions lock
 */
export function fillRows(
  subject: Subject,
  { name, oid, restated, mayMove }: Relation,
  rows: Rows,
  { purpose, skipLocked = false }: { purpose: Purpose; skipLocked?: boolean },
): string {
  const { alias, column, from, value, orphanValue, key, reads } = subject;
  const mine = among(subject, rows);
  const free = `WITH free AS MATERIALIZED (SELECT ${alias}.ctid AS tid FROM ONLY ${name} AS ${alias}
    WHERE ${mine} ORDER BY 1 FOR NO KEY UPDATE SKIP LOCKED) `;
  const which = skipLocked ? `${alias}.ctid ${equal} ANY(ARRAY(SELECT tid FROM free))` : mine;
  const asTheyAre = restated
    .filter((each) => key.length > 0 || !reads.includes(each)) // a BEFORE trigger fires for those
    .map((each) => `${quoteIdentifier(each)} = ${alias}.${quoteIdentifier(each)}, `)
    .join('');
  const written = mayMove ? subject.table : `ONLY ${name}`;
  const isOwn = mayMove ? `${alias}.tableoid ${equal} ${oid}::pg_catalog.oid AND ` : '';
  const update = `${skipLocked ? free : ''}UPDATE ${written} AS ${alias} SET ${asTheyAre}${quoteIdentifier(column)} =`;
  const still = `${isOwn}${which} AND ${candidates(subject, purpose)}`;
  if (orphanValue === undefined && (!from || from.isUnique)) {
    const source = from ? ` FROM ${from.sql} WHERE (${from.on}\n) AND` : ' WHERE';
    return `${update} ${value}${source} ${still} AND ${wanted(subject, purpose, value)} RETURNING ${stored(subject, purpose, value)}`;
  }
  const found = 'dbops_found.value';
  return `${update} ${found} FROM (${answers(subject, `ONLY ${name}`, 'false', mine)}) AS dbops_found
    WHERE ${alias}.ctid ${equal} dbops_found.tid AND ${still} AND ${wanted(subject, purpose, found)}
    RETURNING ${stored(subject, purpose, found)}`;
}

function wanted(subject: Subject, purpose: Purpose, value: string): string {
  const isAnswer = `${value} IS NOT NULL`;
  return purpose === 'fix' && subject.done === undefined
    ? `${isAnswer} AND ${isOther(columnOf(subject), value)}`
    : isAnswer;
}

/** Returns SQL of an item of RETURNING, which shows a row as the BEFORE triggers have left it. */
function stored(subject: Subject, purpose: Purpose, value: string): string {
  const { done } = subject;
  const current = columnOf(subject);
  if (done !== undefined) return `(${done}\n) IS TRUE AS stored`;
  return purpose === 'fix'
    ? `${isSame(current, value)} AS stored`
    : `${current} IS NOT NULL AS stored`;
}

/** Returns SQL: whether a row is in quarantine, by its key or, without one, by its ctid. */
export function isQuarantined(
  subject: Subject,
  ids: readonly { relation: string; id: string }[],
): string {
  if (ids.length === 0) return 'false';
  if (subject.key.length > 0)
    return `(${among(subject, { naming: 'key', ids: ids.map(({ id }) => id) })})`;
  const { alias } = subject;
  const places = ids.map(
    ({ relation, id }) =>
      `${alias}.tableoid ${equal} ${quoteLiteral(relation)}::pg_catalog.regclass::pg_catalog.oid AND ${alias}.ctid ${equal} ${quoteLiteral(id)}`,
  );
  return `(${places.join(' OR ')})`;
}

/** Returns a SELECT of the expected value of a record, such as NEW in a trigger. */
export function answerFor(subject: Subject, record: string): string {
  const { join, value, found } = joined(subject);
  const { where, done, alias } = subject;
  const concerned = where === undefined ? 'true' : `coalesce((${where}\n), false)`;
  const isDone = done === undefined ? 'false' : `coalesce((${done}\n), false)`;
  return `SELECT ${value} AS value, ${found} AS found, ${concerned} AND NOT ${isDone} AS wanted
    FROM (SELECT ${record}.*) AS ${alias}${join} LIMIT 1`;
}

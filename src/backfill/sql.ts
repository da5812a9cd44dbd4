import { isOther } from '../db/compare.ts';
import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import type { Relation, Subject } from './subject.ts';

/**
 * The SQL of a backfill: pure text. What holds an expression of the definition runs under the path of
 * the role, for which it was written; so everything else in it is named with its schema.
 */

const equal = 'OPERATOR(pg_catalog.=)';

/** A set of rows of one table. */
export interface Rows {
  /** How they are named between reading and changing them: by place, or by primary key. */
  naming: 'ctid' | 'key';
  /** `(page,row)`, or a JSON array of the key's values as text. */
  ids: readonly string[];
}

/** Whether rows that have another value are given the right one as well. */
export type Purpose = 'fill' | 'fix';

export const columnOf = ({ alias, column }: Subject) => `${alias}.${quoteIdentifier(column)}`;

/** SQL: rows that a run has to look at, as far as can be told without their values. */
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

interface Join {
  join: string;
  value: string;
  /** SQL: whether the source says something about the row, be it NULL. */
  found: string;
}

/**
 * A source row belongs to a row by a unique key, or all that do must agree: of several answers none
 * is taken.
 */
function joined({ value, from, orphanValue }: Subject): Join {
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

/** SELECT: rows of a table with what they have and what they should have. */
function answers(subject: Subject, from: string, failed: string, condition = 'true'): string {
  const { alias, where, done } = subject;
  const { join, value, found } = joined(subject);
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
 * One pass over the table in one snapshot: every row is right, open, an orphan, mismatched or
 * quarantined.
 *
 * @param failed SQL: rows whose value can't be computed
 */
export function account(subject: Subject, failed: string): string {
  const counts = Object.entries(classes(subject)).map(
    ([name, condition]) =>
      `pg_catalog.count(*) FILTER (WHERE ${condition})::pg_catalog.float8 AS "${name}"`,
  );
  return `SELECT pg_catalog.count(*)::pg_catalog.float8 AS total, ${counts.join(', ')}
    FROM (${answers(subject, subject.table, failed)}) AS dbops_row`;
}

/** Some rows of a class, for people. */
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

/** Rows of one look at what is left. */
export const mostAtOnce = 20_000;

/**
 * Rows that still want a value, by place. A WITH query is planned for all of its rows: for the first
 * few the planner would look every row up, and, as there are none, go through the whole table so.
 */
export function remaining(subject: Subject, { name }: Relation, failed: string, purpose: Purpose) {
  const { open, mismatched } = classes(subject);
  const left = purpose === 'fix' ? `(${open}) OR (${mismatched} AND value IS NOT NULL)` : open;
  return `WITH remaining AS MATERIALIZED (
      SELECT tid FROM (${answers(subject, `ONLY ${name}`, failed)}) AS dbops_row WHERE ${left})
    SELECT tid::pg_catalog.text AS id FROM remaining LIMIT ${mostAtOnce}`;
}

/** The same where a value can't be computed, so that nobody knows which rows want one. */
export function remainingUnread(
  subject: Subject,
  { name }: Relation,
  failed: string,
  purpose: Purpose,
) {
  return `SELECT ${subject.alias}.ctid::pg_catalog.text AS id FROM ONLY ${name} AS ${subject.alias}
    WHERE NOT ${failed} AND ${candidates(subject, purpose)}`;
}

/** SQL: the name of a row of a set. */
export function nameOfRow(subject: Subject, naming: Rows['naming']): string {
  if (naming === 'ctid') return `${subject.alias}.ctid::pg_catalog.text`;
  const parts = subject.key.map(
    ({ name }) => `${subject.alias}.${quoteIdentifier(name)}::pg_catalog.text`,
  );
  return `pg_catalog.jsonb_build_array(${parts.join(', ')})::pg_catalog.text`;
}

/** The page of a row's place, such as 12 of `(12,3)`. */
export function pageOf(id: string): number {
  return Number.parseInt(id.slice(1), 10);
}

/** SQL: whether a row is one of the set. */
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
 * Reads the pages that hold the rows, which cleans them of what the stripe before has left: a scan
 * does that, a lookup of single places does not (server sources, `heap_page_prune_opt`).
 */
export function prunePages({ alias }: Subject, { name }: Relation, { ids }: Rows): string {
  const [first = '', last = first] = [ids[0], ids.at(-1)];
  return `SELECT pg_catalog.count(*) AS pruned FROM ONLY ${name} AS ${alias}
    WHERE ${alias}.ctid OPERATOR(pg_catalog.>=) '(${pageOf(first)},0)'
      AND ${alias}.ctid OPERATOR(pg_catalog.<) '(${pageOf(last) + 1},0)'`;
}

/**
 * Fills the rows, each only if it still wants it.
 *
 * A source with a unique key is joined to the row itself, so that a row which was moved to another
 * source row meanwhile is looked at anew under its lock. Otherwise a row that was changed meanwhile
 * is left for later, because its place is another one.
 *
 * @param skipLocked leaves rows that others hold for later
 */
export function fillRows(
  subject: Subject,
  { name, restated }: Relation,
  rows: Rows,
  { purpose, skipLocked = false }: { purpose: Purpose; skipLocked?: boolean },
): string {
  const { alias, column, from, value, orphanValue, key, reads } = subject;
  const mine = among(subject, rows);
  const free = `WITH free AS MATERIALIZED (SELECT ${alias}.ctid AS tid FROM ONLY ${name} AS ${alias}
    WHERE ${mine} ORDER BY 1 FOR NO KEY UPDATE SKIP LOCKED) `;
  const which = skipLocked ? `${alias}.ctid ${equal} ANY(ARRAY(SELECT tid FROM free))` : mine;
  const asTheyAre = restated
    .filter((each) => key.length > 0 || !reads.includes(each)) // a BEFORE trigger waits for those
    .map((each) => `${quoteIdentifier(each)} = ${alias}.${quoteIdentifier(each)}, `)
    .join('');
  const update = `${skipLocked ? free : ''}UPDATE ONLY ${name} AS ${alias} SET ${asTheyAre}${quoteIdentifier(column)} =`;
  const still = `${which} AND ${candidates(subject, purpose)}`;
  if (orphanValue === undefined && (!from || from.isUnique)) {
    const source = from ? ` FROM ${from.sql} WHERE (${from.on}\n) AND` : ' WHERE';
    return `${update} ${value}${source} ${still} AND ${wanted(subject, purpose, value)}`;
  }
  const found = 'dbops_found.value';
  return `${update} ${found} FROM (${answers(subject, `ONLY ${name}`, 'false', mine)}) AS dbops_found
    WHERE ${alias}.ctid ${equal} dbops_found.tid AND ${still} AND ${wanted(subject, purpose, found)}`;
}

function wanted(subject: Subject, purpose: Purpose, value: string): string {
  const isAnswer = `${value} IS NOT NULL`;
  return purpose === 'fix' && subject.done === undefined
    ? `${isAnswer} AND ${isOther(columnOf(subject), value)}`
    : isAnswer;
}

/** SQL: whether a row is in quarantine, where rows are named by key, or by place without one. */
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

/** SELECT: what one row should have that is given as a record, as a trigger has it. */
export function answerFor(subject: Subject, record: string): string {
  const { join, value, found } = joined(subject);
  const { where, done, alias } = subject;
  const concerned = where === undefined ? 'true' : `coalesce((${where}\n), false)`;
  const isDone = done === undefined ? 'false' : `coalesce((${done}\n), false)`;
  return `SELECT ${value} AS value, ${found} AS found, ${concerned} AND NOT ${isDone} AS wanted
    FROM (SELECT ${record}.*) AS ${alias}${join} LIMIT 1`;
}

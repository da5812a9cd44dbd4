import { codeOf } from '../../db/connection-error.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { schemaOf, underUserPath } from '../../db/search-path.ts';
import { readOnly, type Session } from '../../db/session.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import type { NewConstraint } from '../../sql/new-constraints.ts';
import type { ObjectName } from '../../sql/non-transactional.ts';

/** A demand whose table was found, so that it has a schema. */
export type Located = Exclude<NewConstraint, { kind: 'validate' }> & {
  table: Required<ObjectName>;
};

/** The rows that forbid a statement, counted. */
export interface Violation {
  demand: Located;
  found: ViolatingRows;
}

export interface ViolatingRows {
  /** Absent when they could not be counted in time. */
  rows?: number;
  /** Of a unique demand: values that several rows share. */
  values?: number;
  /** Some of the rows by primary key, or of the shared values. */
  samples: string[];
  /** Columns of the samples. */
  sampled: string[];
  /** The columns of the demand no longer exist, so all rows of the table count. */
  isWholeTable: boolean;
  /** The planner's estimate of the table. */
  estimate: number;
}

/** A table as the catalog knows it. */
export interface CatalogTable {
  table: Required<ObjectName>;
  estimate: number;
  /** Columns of the primary key. */
  key: string[];
}

/** Milliseconds. */
export interface Limits {
  deadline: number;
  lock: number;
}

/** Counts the rows that stand against a demand, and names some. */
export async function violatingRows(
  session: Session,
  demand: Located,
  { key, estimate }: CatalogTable,
  limits: Limits,
): Promise<ViolatingRows> {
  const sampled = demand.kind === 'unique' ? demand.columns : key;
  const known = { samples: [], sampled, estimate, isWholeTable: false };
  const whole = async () => ({ ...known, ...(await countAll(session, demand.table, limits)) });
  if (demand.kind === 'not-null' && demand.type) return { ...(await whole()), isWholeTable: true };
  const { count, sample } = demand.kind === 'unique' ? ofGroups(demand) : ofRows(demand, key);
  try {
    const asking = hasExpression(demand) ? askUser : ask;
    const [counted = { rows: 0 }] = await asking<{ rows: number; values?: number }>(
      session,
      count,
      limits,
    );
    const samples = sample ? await asking<Sample>(session, sample, limits).catch(() => []) : [];
    return { ...known, ...counted, samples: samples.map((each) => each.sample) };
  } catch (error) {
    if (codeOf(error) !== sqlstate.undefinedColumn) return known;
    return { ...(await whole()), isWholeTable: true };
  }
}

/** The table of a name, where `search_path` has it when the name has no schema. */
export async function findTable(
  session: Session,
  table: ObjectName,
  limits: Limits,
): Promise<CatalogTable | undefined> {
  const schema = table.schema ?? (await schemaOf(session, table.name));
  const [row] = await ask<{ schema: string; name: string; estimate: number; key: string[] }>(
    session,
    `SELECT nspname::text AS schema, relname::text AS name, reltuples::float8 AS estimate,
        ARRAY(SELECT attname::text FROM pg_index i JOIN pg_attribute a ON attrelid = indrelid
               WHERE indrelid = c.oid AND indisprimary AND attnum = ANY (indkey)
               ORDER BY array_position(indkey::int2[], attnum)) AS key
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass($1)`,
    limits,
    [quoteName({ ...table, ...(schema !== undefined && { schema }) })],
  );
  return row && { table: { schema: row.schema, name: row.name }, ...row };
}

/** What a constraint of the catalog demands; nothing of a kind that is not read. */
export async function demandOfConstraint(
  session: Session,
  table: Required<ObjectName>,
  name: string,
  limits: Limits,
): Promise<Located | undefined> {
  const [row] = await ask<ConstraintRow>(
    session,
    `SELECT contype::text AS kind, pg_get_expr(conbin, conrelid) AS expression,
        ARRAY(${columnsOf('conrelid', 'conkey')}) AS columns, nspname::text AS schema,
        relname::text AS target, ARRAY(${columnsOf('confrelid', 'confkey')}) AS "targetColumns"
      FROM pg_constraint c LEFT JOIN pg_class r ON r.oid = confrelid
      LEFT JOIN pg_namespace n ON n.oid = relnamespace
      WHERE conrelid = to_regclass($1) AND conname = $2`,
    limits,
    [quoteName(table), name],
  );
  if (!row) return undefined;
  const { kind, expression, columns, schema, target, targetColumns } = row;
  const [column] = columns;
  const common = { table, name, isInCatalog: true } as const;
  if (kind === 'c' && expression) return { kind: 'check', ...common, expression };
  if (kind === 'n' && column) return { kind: 'not-null', ...common, column };
  if (kind !== 'f' || !schema || !target) return undefined;
  const referenced = { schema, name: target };
  return { kind: 'foreign-key', ...common, columns, target: referenced, targetColumns };
}

interface ConstraintRow extends Record<string, unknown> {
  kind: string;
  expression: string | null;
  columns: string[];
  schema: string | null;
  target: string | null;
  targetColumns: string[];
}

function columnsOf(relation: string, key: string): string {
  return `SELECT attname::text FROM unnest(${key}) WITH ORDINALITY k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.attnum ORDER BY place`;
}

/** One question in a transaction of its own: it only reads, and waits neither long nor for locks. */
async function ask<R extends Record<string, unknown>>(
  session: Session,
  sql: string,
  { deadline, lock }: Limits,
  values?: unknown[],
): Promise<R[]> {
  return inTime(session, { deadline, lock }, () => session.query<R>(sql, values));
}

/** The same with an expression of the file, which was written for the path of the role. */
async function askUser<R extends Record<string, unknown>>(
  session: Session,
  sql: string,
  limits: Limits,
): Promise<R[]> {
  return inTime(session, limits, () => underUserPath<R>(session, sql));
}

async function inTime<T>(
  session: Session,
  { deadline, lock }: Limits,
  work: () => Promise<T>,
): Promise<T> {
  const rest = Math.round(deadline - performance.now());
  if (rest < 1) throw new Error('no time is left');
  return readOnly(session, async () => {
    // Rows that a policy hides from us would be missing from the count: rather no count.
    await session.script(
      `SET LOCAL statement_timeout = ${rest}; SET LOCAL lock_timeout = ${Math.min(lock, rest)}; SET LOCAL row_security = off`,
    );
    return work();
  });
}

async function countAll(
  session: Session,
  table: Required<ObjectName>,
  limits: Limits,
): Promise<{ rows?: number }> {
  const sql = `SELECT count(*)::float8 AS rows FROM ${quoteName(table)}`;
  const [row] = await ask<{ rows: number }>(session, sql, limits).catch(() => []);
  return row ?? {};
}

type Sample = { sample: string };

function hasExpression(demand: Located): boolean {
  return demand.kind === 'check' || (demand.kind === 'unique' && demand.predicate !== undefined);
}

interface Questions {
  count: string;
  /** Empty where rows have no name. */
  sample: string;
}

function ofRows(demand: Exclude<Located, { kind: 'unique' }>, key: readonly string[]): Questions {
  const from = `FROM ${quoteName(demand.table)} WHERE ${conditionOf(demand)}`;
  const columns = key.map(q).join(', ');
  const texts = key.map((column) => `${q(column)}::pg_catalog.text`).join(', ');
  return {
    count: `SELECT pg_catalog.count(*)::pg_catalog.float8 AS rows ${from}`,
    sample: columns
      ? `SELECT pg_catalog.concat_ws(', ', ${texts}) AS sample ${from} ORDER BY ${columns} LIMIT 3`
      : '',
  };
}

/** Returns an SQL condition that is true for a row that violates the demand. */
export function conditionOf(demand: Exclude<Located, { kind: 'unique' }>): string {
  if (demand.kind === 'not-null') return `${q(demand.column)} IS NULL`;
  if (demand.kind === 'check') return `NOT ${bracket(demand.expression)}`;
  const { table, columns, target, targetColumns } = demand;
  const own = columns.map((column) => `${quoteName(table)}.${q(column)}`);
  const matches = own.map((column, at) => `r.${q(targetColumns[at] ?? '')} = ${column}`);
  return [
    ...own.map((column) => `${column} IS NOT NULL`),
    `NOT EXISTS (SELECT FROM ${quoteName(target)} r WHERE ${matches.join(' AND ')})`,
  ].join(' AND ');
}

function ofGroups(demand: Extract<Located, { kind: 'unique' }>): Questions {
  const groups = sharedValues(demand, { isQualified: true });
  const texts = demand.columns.map((column) => `${q(column)}::pg_catalog.text`).join(', ');
  return {
    count: `SELECT coalesce(pg_catalog.sum(n), 0)::pg_catalog.float8 AS rows,
        pg_catalog.count(*)::pg_catalog.float8 AS values FROM (${groups}) g`,
    sample: `SELECT pg_catalog.concat_ws(', ', ${texts}) AS sample FROM (${groups}) g ORDER BY 1 LIMIT 3`,
  };
}

/**
 * SQL of the values that more than one row has, with their number of rows `n`.
 *
 * @param isQualified what it means is named with its schema; for people it is not
 */
export function sharedValues(
  { table, columns, predicate, nullsNotDistinct }: Extract<Located, { kind: 'unique' }>,
  { isQualified = false } = {},
): string {
  const [count, exceeds] = isQualified
    ? ['pg_catalog.count(*)', 'OPERATOR(pg_catalog.>)']
    : ['count(*)', '>'];
  const conditions = [
    ...(predicate ? [bracket(predicate)] : []),
    ...(nullsNotDistinct ? [] : columns.map((column) => `${q(column)} IS NOT NULL`)),
  ];
  const names = columns.map(q).join(', ');
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  return `SELECT ${names}, ${count} AS n FROM ${quoteName(table)}${where} GROUP BY ${names} HAVING ${count} ${exceeds} 1`;
}

/** A comment at the end must not swallow the bracket. */
function bracket(sql: string): string {
  return sql.includes('--') ? `(${sql}\n)` : `(${sql})`;
}

import { codeOf } from '../../db/connection-error.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
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
  /** The demand is about columns that are not there any more: these are all rows of the table. */
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
    const [counted = { rows: 0 }] = await ask<{ rows: number; values?: number }>(
      session,
      count,
      limits,
    );
    return { ...known, ...counted, samples: await samplesOf(session, sample, limits) };
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
  const [row] = await ask<{ schema: string; name: string; estimate: number; key: string[] }>(
    session,
    `SELECT nspname::text AS schema, relname::text AS name, reltuples::float8 AS estimate,
        ARRAY(SELECT attname::text FROM pg_index i JOIN pg_attribute a ON attrelid = indrelid
               WHERE indrelid = c.oid AND indisprimary AND attnum = ANY (indkey)
               ORDER BY array_position(indkey::int2[], attnum)) AS key
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass($1)`,
    limits,
    [quoteName(table)],
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
  const rest = Math.round(deadline - performance.now());
  if (rest < 1) throw new Error('no time is left');
  return readOnly(session, async () => {
    // Rows that a policy hides from us would be missing from the count: rather no count.
    await session.script(
      `SET LOCAL statement_timeout = ${rest}; SET LOCAL lock_timeout = ${Math.min(lock, rest)}; SET LOCAL row_security = off`,
    );
    return session.query<R>(sql, values);
  });
}

async function samplesOf(session: Session, sql: string, limits: Limits): Promise<string[]> {
  if (!sql) return [];
  const rows = await ask<{ sample: string }>(session, sql, limits).catch(() => []);
  return rows.map(({ sample }) => sample);
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

interface Questions {
  count: string;
  /** Empty where rows have no name. */
  sample: string;
}

function ofRows(demand: Exclude<Located, { kind: 'unique' }>, key: readonly string[]): Questions {
  const from = `FROM ${quoteName(demand.table)} WHERE ${conditionOf(demand)}`;
  const columns = key.map(q).join(', ');
  const texts = key.map((column) => `${q(column)}::text`).join(', ');
  return {
    count: `SELECT count(*)::float8 AS rows ${from}`,
    sample: columns
      ? `SELECT concat_ws(', ', ${texts}) AS sample ${from} ORDER BY ${columns} LIMIT 3`
      : '',
  };
}

/** SQL that is true for a row that stands against the demand. */
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
  const groups = sharedValues(demand);
  const texts = demand.columns.map((column) => `${q(column)}::text`).join(', ');
  return {
    count: `SELECT coalesce(sum(n), 0)::float8 AS rows, count(*)::float8 AS values FROM (${groups}) g`,
    sample: `SELECT concat_ws(', ', ${texts}) AS sample FROM (${groups}) g ORDER BY 1 LIMIT 3`,
  };
}

/** SQL of the values that more than one row has, with their number of rows `n`. */
export function sharedValues({
  table,
  columns,
  predicate,
  nullsNotDistinct,
}: Extract<Located, { kind: 'unique' }>): string {
  const conditions = [
    ...(predicate ? [bracket(predicate)] : []),
    ...(nullsNotDistinct ? [] : columns.map((column) => `${q(column)} IS NOT NULL`)),
  ];
  const names = columns.map(q).join(', ');
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  return `SELECT ${names}, count(*) AS n FROM ${quoteName(table)}${where} GROUP BY ${names} HAVING count(*) > 1`;
}

/** A comment at the end must not swallow the bracket. */
function bracket(sql: string): string {
  return sql.includes('--') ? `(${sql}\n)` : `(${sql})`;
}

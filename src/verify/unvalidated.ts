import { quoteIdentifier as q, quoteName } from '../db/quote.ts';
import { byName, isOfTeam } from './catalogue-sql.ts';
import type { RowReader } from './read-rows.ts';

/** A constraint that is NOT VALID, and what is needed to find the rows that violate it. */
export interface UnvalidatedConstraint extends Record<'schema' | 'parent' | 'name', string> {
  definition: string;
  /** `c` is CHECK, `f` FOREIGN KEY, `n` NOT NULL. */
  type: string;
  /** Of a CHECK. */
  expression: string | null;
  /** Whether the expression calls functions of the team, or the table is not an ordinary one. */
  isOpaque: boolean;
  columns: string[];
  /** Columns of the primary key. */
  key: string[];
  /** Of a foreign key: the referenced table, its columns, and the operators that compare them. */
  targetSchema: string | null;
  target: string | null;
  targetColumns: string[];
  operators: string[];
  /** Size of the table as of the last VACUUM or ANALYZE. */
  bytes: number;
}

function namesOf(relation: string, columns: string): string {
  return `ARRAY(SELECT a.attname::text FROM unnest(${columns}) WITH ORDINALITY k (attnum, at)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.attnum ORDER BY at)`;
}

/**
 * NOT ENFORCED constraints (PostgreSQL 18) are never validated. A constraint that a partition or a
 * child table inherits is validated with that of its parent.
 */
export const unvalidatedConstraints = `SELECT n.nspname AS schema, c.relname AS parent, o.conname AS name,
    pg_get_constraintdef(o.oid) AS definition, o.contype::text AS type, pg_get_expr(o.conbin, o.conrelid) AS expression,
    c.relkind NOT IN ('r', 'p') OR to_jsonb(o) ->> 'conperiod' = 'true' OR EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_constraint'::regclass AND d.objid = o.oid
        AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND o.contype = 'c') AS "isOpaque",
    ${namesOf('o.conrelid', 'o.conkey')} AS columns, tn.nspname AS "targetSchema", t.relname AS target,
    ${namesOf('o.confrelid', 'o.confkey')} AS "targetColumns",
    ARRAY(SELECT format('OPERATOR(%I.%s)', s.nspname, p.oprname) FROM unnest(o.conpfeqop) WITH ORDINALITY k (oid, at)
      JOIN pg_operator p ON p.oid = k.oid JOIN pg_namespace s ON s.oid = p.oprnamespace ORDER BY at) AS operators,
    ARRAY(SELECT a.attname::text FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
      WHERE x.indrelid = c.oid AND x.indisprimary ORDER BY array_position(x.indkey::int2[], a.attnum)) AS key,
    c.relpages::float8 * current_setting('block_size')::int AS bytes
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class t ON t.oid = o.confrelid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
  WHERE NOT o.convalidated AND coalesce((to_jsonb(o) ->> 'conenforced')::boolean, true)
    AND o.conislocal AND o.conparentid = 0 AND c.relpersistence <> 't' AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname', 'o.conname')}`;

/** Bytes of a table, milliseconds for one table, and rows up to which they are counted. */
const most = { bytes: 256 * 2 ** 20, time: 3_000, rows: 1_000 };

/** Rows that violate a constraint. */
export interface Violations {
  /** At most 1,001. */
  rows: number;
  /** Primary keys of the first three. */
  samples: string[];
}

/** Returns the rows that violate a constraint, or nothing where that would take long or call functions. */
export async function violationsOf(
  reader: RowReader,
  constraint: UnvalidatedConstraint,
): Promise<Violations | undefined> {
  const condition = conditionOf(constraint);
  if (constraint.isOpaque || constraint.bytes > most.bytes || condition === undefined)
    return undefined;
  const { schema, parent, key } = constraint;
  const texts = key.map((column) => `own.${q(column)}::text`).join(', ');
  const order =
    key.length > 0 ? ` ORDER BY ${key.map((column) => `own.${q(column)}`).join(', ')}` : '';
  const answer = await reader.read<{ sample: string }>(
    `SELECT ${texts ? `concat_ws(', ', ${texts})` : `''`} AS sample
      FROM ${quoteName({ schema, name: parent })} own WHERE ${condition}${order} LIMIT ${most.rows + 1}`,
    most.time,
  );
  if ('failure' in answer) return undefined;
  const samples = answer.rows.slice(0, 3).map(({ sample }) => sample);
  return { rows: answer.rows.length, samples: key.length > 0 ? samples : [] };
}

/** Returns SQL that is true of a row `own` that violates the constraint. */
function conditionOf(constraint: UnvalidatedConstraint): string | undefined {
  const { type, expression, columns, targetSchema, target, targetColumns, operators } = constraint;
  if (type === 'c' && expression !== null) return `NOT (${expression})`;
  if (type === 'n') return columns.map((column) => `own.${q(column)} IS NULL`).join(' OR ');
  if (type !== 'f' || targetSchema === null || target === null) return undefined;
  const matches = columns.map(
    (column, at) => `other.${q(targetColumns[at] ?? '')} ${operators[at]} own.${q(column)}`,
  );
  return [
    ...columns.map((column) => `own.${q(column)} IS NOT NULL`),
    `NOT EXISTS (SELECT FROM ${quoteName({ schema: targetSchema, name: target })} other WHERE ${matches.join(' AND ')})`,
  ].join(' AND ');
}

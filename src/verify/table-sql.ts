import { isOfTeam } from './catalogue-sql.ts';

/**
 * FROM and WHERE of tables and partitioned tables of a team, `c` in the schema `n`. A partition has the columns
 * and keys of its partitioned table, which alone is reported; a temporary table ends with its session.
 */
export const teamTables = `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND ${isOfTeam('n', 'pg_class', 'c.oid')}`;

/** FROM and WHERE of the columns of these tables, `a`, without those that a child table inherits. */
const teamColumns = `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount = 0
    AND ${isOfTeam('n', 'pg_class', 'c.oid')}`;

/** The foreign keys of these tables, each with its `schema` and `parent`; those of partitions follow their parents. */
export const teamForeignKeys = `(SELECT o.*, n.nspname AS schema, c.relname AS parent
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE o.contype = 'f' AND o.conparentid = 0 AND c.relpersistence <> 't'
    AND ${isOfTeam('n', 'pg_class', 'c.oid')})`;

/** A column that `columnsWhere` finds. */
export interface FoundColumn extends Record<string, string> {
  schema: string;
  parent: string;
  name: string;
  /** As SQL has it, such as `character(3)`. */
  type: string;
}

/** Returns a query for the columns of tables for which a condition on `a` is true. */
export function columnsWhere(condition: string): string {
  return `SELECT n.nspname AS schema, c.relname AS parent, a.attname AS name,
      format_type(a.atttypid, a.atttypmod) AS type
    ${teamColumns} AND ${condition}
    ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum`;
}

import { shellWord } from '../output/shell.ts';

/** A table that may be a tracking table. */
export interface Candidate {
  schema: string;
  table: string;
  /** Names, sorted and separated by spaces. */
  columns: string;
}

/**
 * Returns SQL that selects the readable tables that meet a condition on their columns `a.columns` and
 * `a.names`. Large tables are excluded: an application's own table may have any number of rows.
 */
export const tablesWhere = (
  condition: string,
) => `SELECT n.nspname AS schema, c.relname AS table, a.columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (
    SELECT string_agg(attname::text, ' ' ORDER BY attname::text COLLATE "C") AS columns,
      array_agg(attname::text) AS names
    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
  WHERE c.relkind = 'r' AND c.relpages < 2000
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (${condition})
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  ORDER BY 1, 2`;

/** Returns the option that names a tracking table, for the shell. */
export function optionFor(name: string): string {
  return `--tracking-table ${shellWord(name)}`;
}

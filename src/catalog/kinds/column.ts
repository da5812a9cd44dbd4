import { nameFrom, sorted, type Kind } from './kind.ts';

/**
 * A column of a table or view, or an attribute of a composite type. Their order is not compared:
 * a dump and restore keeps it, a column that was added later does not.
 *
 * PostgreSQL 18 keeps every NOT NULL as a constraint too, with a name that nobody chose: only
 * whether it is validated counts.
 */
export const column: Kind = {
  name: 'column',
  select: `SELECT 'column' AS kind, c.schema, c.relname AS parent, a.attname AS name,
      jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'not null', a.attnotnull,
        'not null not validated', (SELECT true FROM pg_constraint o
          WHERE o.conrelid = c.oid AND o.contype = 'n' AND NOT o.convalidated AND o.conkey = ARRAY[a.attnum]),
        'identity', nullif(a.attidentity, ''),
        'generated', nullif(a.attgenerated, ''),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN ${nameFrom('pg_collation', 'coll', 'a.attcollation')} END,
        'statistics', nullif(a.attstattarget, -1),
        'options', ${sorted('a.attoptions')},
        'comment', col_description(c.oid, a.attnum)) AS properties,
      jsonb_build_object(CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generation expression' END,
        pg_get_expr(d.adbin, d.adrelid)) AS expressions
    FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped`,
};

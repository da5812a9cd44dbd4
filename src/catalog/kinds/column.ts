import { commentOf, nameFrom, sorted, type Kind } from './kind.ts';

/**
 * A column of a table or view, or an attribute of a composite type. The order is not compared: it
 * depends on when a column was added.
 *
 * A partition has the identity of its parent since PostgreSQL 17, and none before; the parent's alone
 * is compared. PostgreSQL 18 also stores NOT NULL as a constraint with a generated name; only whether it is
 * validated is compared.
 */
export const column: Kind = {
  name: 'column',
  select: `SELECT 'column' AS kind, c.schema, c.relname AS parent, a.attname AS name,
      json_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'not null', a.attnotnull,
        'not null not validated', u.is_unvalidated,
        'identity', CASE WHEN NOT c.relispartition THEN nullif(a.attidentity, '') END,
        'generated', nullif(a.attgenerated, ''),
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN ${nameFrom('pg_collation', 'coll', 'a.attcollation')} END,
        'storage', nullif(a.attstorage, t.typstorage),
        'compression', nullif(a.attcompression, ''),
        'statistics', nullif(a.attstattarget, -1),
        'options', ${sorted('a.attoptions')},
        'foreign options', ${sorted('a.attfdwoptions')},
        'comment', m.description) AS properties,
      CASE WHEN d.adbin IS NOT NULL THEN json_build_object(
        CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generation expression' END,
        pg_get_expr(d.adbin, d.adrelid)) ELSE '{}' END AS expressions
    FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
      LEFT JOIN (SELECT conrelid, conkey, true AS is_unvalidated FROM pg_constraint
        WHERE contype = 'n' AND NOT convalidated) u ON u.conrelid = c.oid AND u.conkey = ARRAY[a.attnum]
      ${commentOf('pg_class', 'c.oid', 'a.attnum')}
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped`,
};

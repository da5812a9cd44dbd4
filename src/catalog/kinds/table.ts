import { parentOf, sorted, type Kind } from './kind.ts';

/** A table, partitioned or not, and a partition. */
export const table: Kind = {
  name: 'table',
  select: `SELECT 'table' AS kind, c.schema, '' AS parent, c.relname AS name,
      jsonb_build_object(
        'partitioned', c.relkind = 'p',
        'persistence', c.relpersistence,
        'row level security', c.relrowsecurity,
        'forced row level security', c.relforcerowsecurity,
        'options', ${sorted('c.reloptions')},
        'replica identity', CASE c.relreplident WHEN 'i'
          THEN (SELECT x.indexrelid::regclass::text FROM pg_index x WHERE x.indrelid = c.oid AND x.indisreplident)
          ELSE c.relreplident::text END,
        'inherits', (SELECT array_agg(h.inhparent::regclass::text ORDER BY h.inhseqno)
          FROM pg_inherits h WHERE h.inhrelid = c.oid),
        'partition bound', pg_get_expr(c.relpartbound, c.oid),
        'access method', (SELECT amname FROM pg_am WHERE oid = c.relam),
        'of type', (SELECT format_type(c.reloftype, NULL) WHERE c.reloftype <> 0),
        'comment', obj_description(c.oid, 'pg_class')) AS properties,
      jsonb_build_object('partition key', pg_get_partkeydef(c.oid)) AS expressions
    FROM relations c WHERE c.relkind IN ('r', 'p')`,
  respell: (object, { text }, name) => ({
    make: `CREATE TEMP TABLE ${name} (LIKE ${parentOf({ ...object, parent: object.name })}) PARTITION BY ${text}`,
    read: `pg_get_partkeydef('pg_temp.${name}'::regclass)`,
  }),
};

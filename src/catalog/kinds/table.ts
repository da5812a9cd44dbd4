import { commentOf, parentOf, sorted, type Kind } from './kind.ts';

/** A table, a partitioned table or a partition. */
export const table: Kind = {
  name: 'table',
  select: `SELECT 'table' AS kind, c.schema, '' AS parent, c.relname AS name,
      json_build_object(
        'partitioned', c.relkind = 'p',
        'persistence', c.relpersistence,
        'row level security', c.relrowsecurity,
        'forced row level security', c.relforcerowsecurity,
        'options', ${sorted('c.reloptions')},
        'toast options', ${sorted('s.reloptions')},
        'replica identity', CASE c.relreplident WHEN 'i'
          THEN (SELECT x.indexrelid::regclass::text FROM pg_index x WHERE x.indrelid = c.oid AND x.indisreplident)
          ELSE c.relreplident::text END,
        'inherits', h.parents,
        'partition bound', pg_get_expr(c.relpartbound, c.oid),
        'access method', a.amname,
        'of type', (SELECT format_type(c.reloftype, NULL) WHERE c.reloftype <> 0),
        'comment', m.description) AS properties,
      json_build_object('partition key', pg_get_partkeydef(c.oid)) AS expressions
    FROM relations c LEFT JOIN pg_am a ON a.oid = c.relam
      LEFT JOIN pg_class s ON s.oid = c.reltoastrelid AND s.reloptions IS NOT NULL ${commentOf('pg_class', 'c.oid')}
      LEFT JOIN (SELECT inhrelid, array_agg(inhparent::regclass::text ORDER BY inhseqno) AS parents
        FROM pg_inherits GROUP BY inhrelid) h ON h.inhrelid = c.oid
    WHERE c.relkind IN ('r', 'p')`,
  respell: (object, { text }, name) => ({
    make: `CREATE TEMP TABLE ${name} (LIKE ${parentOf({ ...object, parent: object.name })}) PARTITION BY ${text}`,
    read: `pg_get_partkeydef('pg_temp.${name}'::regclass)`,
  }),
};

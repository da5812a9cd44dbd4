import { commentOf, relationId, sorted, type Kind } from './kind.ts';

/** The vectors in pg_index have one entry per key; included columns have no operator class. */
const keys = `SELECT x.indexrelid, json_agg(concat_ws(' ', coalesce(a.attname, 'expression'), p.opcname,
        'COLLATE ' || l.collname, 'options ' || nullif(k.options, 0), v.attoptions::text, 'statistics ' || nullif(v.attstattarget, -1)) ORDER BY k.place) AS keys
      FROM relations c JOIN pg_index x ON x.indrelid = c.oid
        CROSS JOIN LATERAL unnest(x.indkey::int2[], x.indclass::oid[], x.indcollation::oid[], x.indoption::int2[])
          WITH ORDINALITY k (attnum, opclass, coll, options, place)
        LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
        LEFT JOIN pg_attribute v ON v.attrelid = x.indexrelid AND v.attnum = k.place
          AND (v.attoptions IS NOT NULL OR v.attstattarget >= 0)
        LEFT JOIN pg_opclass p ON p.oid = k.opclass
        LEFT JOIN pg_collation l ON l.oid = k.coll
      GROUP BY x.indexrelid`;

const expressionKeys = `SELECT x.indexrelid, json_object_agg('key ' || k + 1, pg_get_indexdef(x.indexrelid, k + 1, false)) AS expressions
      FROM relations c JOIN pg_index x ON x.indrelid = c.oid CROSS JOIN generate_series(0, x.indnatts - 1) k
      WHERE x.indexprs IS NOT NULL AND x.indkey[k] = 0 GROUP BY x.indexrelid`;

/** An index, also of a constraint; those attached to a parent's index are omitted. */
export const index: Kind = {
  name: 'index',
  select: `SELECT 'index' AS kind, c.schema, c.relname AS parent, i.relname AS name,
      json_build_object(
        'method', h.amname,
        'keys', k.keys,
        'included columns', x.indnatts - x.indnkeyatts,
        'unique', x.indisunique,
        'nulls not distinct', x.indnullsnotdistinct,
        'immediate', x.indimmediate,
        'valid', x.indisvalid,
        'ready', x.indisready,
        'being built', (SELECT true WHERE NOT x.indisvalid
          AND EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.oid)),
        'clustered', x.indisclustered,
        'options', ${sorted('i.reloptions')},
        'comment', m.description) AS properties,
      CASE WHEN x.indpred IS NULL THEN coalesce(e.expressions, '{}') ELSE (coalesce(e.expressions::jsonb, '{}')
        || jsonb_build_object('predicate', pg_get_expr(x.indpred, x.indrelid)))::json END AS expressions
    FROM relations c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
      JOIN pg_am h ON h.oid = i.relam JOIN (${keys}) k ON k.indexrelid = i.oid
      LEFT JOIN (${expressionKeys}) e ON e.indexrelid = i.oid ${commentOf('pg_class', 'i.oid')}
    WHERE NOT i.relispartition`,
  definition: ({ schema, name }) => `pg_get_indexdef(${relationId(schema, name)})`,
};

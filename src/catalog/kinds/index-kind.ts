import { relationId, sorted, type Kind } from './kind.ts';

/** Position k of an index; the vectors in pg_index count from 0. */
const keys = `(SELECT jsonb_agg(concat_ws(' ', coalesce(a.attname, 'expression'), p.opcname,
      'COLLATE ' || l.collname, 'options ' || nullif(x.indoption[k], 0), v.attoptions::text) ORDER BY k)
    FROM generate_series(0, x.indnatts - 1) k
      LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k] AND x.indkey[k] <> 0
      LEFT JOIN pg_attribute v ON v.attrelid = x.indexrelid AND v.attnum = k + 1
      LEFT JOIN pg_opclass p ON p.oid = x.indclass[k]
      LEFT JOIN pg_collation l ON l.oid = x.indcollation[k])`;

const expressionKeys = `(SELECT jsonb_object_agg('key ' || k + 1, pg_get_indexdef(x.indexrelid, k + 1, false))
    FROM generate_series(0, x.indnatts - 1) k WHERE x.indkey[k] = 0)`;

/** An index, that of a constraint too. One that is attached to a parent's follows from it. */
export const index: Kind = {
  name: 'index',
  select: `SELECT 'index' AS kind, c.schema, c.relname AS parent, i.relname AS name,
      jsonb_build_object(
        'method', (SELECT amname FROM pg_am WHERE oid = i.relam),
        'keys', ${keys},
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
        'comment', obj_description(i.oid, 'pg_class')) AS properties,
      jsonb_build_object('predicate', pg_get_expr(x.indpred, x.indrelid))
        || coalesce(CASE WHEN x.indexprs IS NOT NULL THEN ${expressionKeys} END, '{}') AS expressions
    FROM relations c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
    WHERE NOT i.relispartition`,
  definition: ({ schema, name }) => `pg_get_indexdef(${relationId(schema, name)})`,
};

import { quoteLiteral } from '../../db/quote.ts';
import { standsAlone, parentOf, relationId, sorted, type Kind } from './kind.ts';

/** Extended statistics. */
export const statistics: Kind = {
  name: 'statistics',
  select: `SELECT 'statistics' AS kind, c.schema, c.relname AS parent, n.name || '.' || s.stxname AS name,
      json_build_object(
        'kinds', ${sorted('s.stxkind')},
        'target', nullif(s.stxstattarget, -1),
        'comment', obj_description(s.oid, 'pg_statistic_ext')) AS properties,
      json_build_object('columns', pg_get_statisticsobjdef_columns(s.oid)) AS expressions
    FROM relations c JOIN pg_statistic_ext s ON s.stxrelid = c.oid JOIN schemas n ON n.oid = s.stxnamespace
    WHERE ${standsAlone('pg_statistic_ext', 's.oid')}`,
  respell: (object, { text: columns }, name) => ({
    make: `CREATE STATISTICS ${parentOf({ ...object, parent: name })} ON ${columns} FROM ${parentOf(object)}`,
    read: `(SELECT pg_get_statisticsobjdef_columns(oid) FROM pg_statistic_ext WHERE stxname = '${name}')`,
  }),
  definition: ({
    schema,
    parent,
    name,
  }) => `SELECT pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
    WHERE s.stxrelid = ${relationId(schema, parent)} AND n.nspname || '.' || s.stxname = ${quoteLiteral(name)}`,
};

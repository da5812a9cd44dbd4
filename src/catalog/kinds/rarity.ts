import { firstOfUser, type Kind } from './kind.ts';

const catalogs = [
  'pg_am',
  'pg_cast',
  'pg_collation',
  'pg_conversion',
  'pg_foreign_data_wrapper',
  'pg_foreign_server',
  'pg_language',
  'pg_opclass',
  'pg_operator',
  'pg_opfamily',
  'pg_transform',
  'pg_ts_config',
  'pg_ts_dict',
  'pg_ts_parser',
  'pg_ts_template',
];

const all = catalogs
  .map(
    (catalog) =>
      `SELECT '${catalog}'::regclass AS classid, oid FROM ${catalog} WHERE oid >= ${firstOfUser}`,
  )
  .join(' UNION ALL ');

/**
 * Casts, operators, collations, text search objects, foreign servers and similar objects, under the
 * server's name of their kind. Only their existence and comment are compared.
 */
export const rarity: Kind = {
  name: 'rarity',
  select: `SELECT i.type AS kind, '' AS schema, '' AS parent, i.identity AS name,
      json_build_object('comment', obj_description(o.oid, (SELECT relname FROM pg_class WHERE oid = o.classid))) AS properties,
      '{}'::json AS expressions
    FROM (${all}) o CROSS JOIN LATERAL pg_identify_object(o.classid, o.oid, 0) i
    WHERE coalesce(i.schema, '') NOT IN ('pg_catalog', 'information_schema')
      AND NOT EXISTS (SELECT FROM brought_along e WHERE e.classid = o.classid AND e.objid = o.oid)`,
};

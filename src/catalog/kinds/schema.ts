import { standsAlone, type Kind } from './kind.ts';

/** A schema. The comment of `public` differs between server versions and is not compared. */
export const schema: Kind = {
  name: 'schema',
  select: `SELECT 'schema' AS kind, '' AS schema, '' AS parent, n.name,
      json_build_object('comment', CASE WHEN n.name <> 'public' THEN obj_description(n.oid, 'pg_namespace') END) AS properties,
      '{}'::json AS expressions
    FROM schemas n WHERE ${standsAlone('pg_namespace', 'n.oid')}`,
};

import { standsAlone, nameFrom, type Kind } from './kind.ts';

/** A domain; its checks are a separate kind. */
export const domain: Kind = {
  name: 'domain',
  select: `SELECT 'domain' AS kind, n.name AS schema, '' AS parent, t.typname AS name,
      json_build_object(
        'type', format_type(t.typbasetype, t.typtypmod),
        'not null', t.typnotnull,
        'collation', ${nameFrom('pg_collation', 'coll', 't.typcollation')},
        'comment', obj_description(t.oid, 'pg_type')) AS properties,
      json_build_object('default', pg_get_expr(t.typdefaultbin, 0)) AS expressions
    FROM pg_type t JOIN schemas n ON n.oid = t.typnamespace
    WHERE t.typtype = 'd' AND ${standsAlone('pg_type', 't.oid')}`,
};

import { standsAlone, type Kind } from './kind.ts';

/** A CHECK of a domain. */
export const domainConstraint: Kind = {
  name: 'domain constraint',
  select: `SELECT 'domain constraint' AS kind, n.name AS schema, t.typname AS parent, o.conname AS name,
      json_build_object(
        'type', format_type(t.typbasetype, t.typtypmod),
        'validated', o.convalidated,
        'comment', obj_description(o.oid, 'pg_constraint')) AS properties,
      json_build_object('check', regexp_replace(pg_get_constraintdef(o.oid), ' NOT VALID$', '')) AS expressions
    FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN schemas n ON n.oid = t.typnamespace
    WHERE o.contype = 'c' AND ${standsAlone('pg_type', 't.oid')}`,
  respell: ({ properties }, { text: check }, name) => ({
    make: `CREATE DOMAIN pg_temp.${name} AS ${String(properties['type'])} ${check}`,
    read: `(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid = 'pg_temp.${name}'::regtype AND contype = 'c')`,
  }),
};

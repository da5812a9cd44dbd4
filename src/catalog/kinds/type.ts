import { standsAlone, nameFrom, type Kind } from './kind.ts';

/** An enum, a composite type (its attributes are columns), a range, or a type written in C. */
export const type: Kind = {
  name: 'type',
  select: `SELECT 'type' AS kind, n.name AS schema, '' AS parent, t.typname AS name,
      json_build_object(
        'type', t.typtype,
        'labels', (SELECT array_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = t.oid),
        'subtype', format_type(r.rngsubtype, NULL),
        'operator class', ${nameFrom('pg_opclass', 'opc', 'r.rngsubopc')},
        'collation', ${nameFrom('pg_collation', 'coll', 'r.rngcollation')},
        'canonical', nullif(r.rngcanonical::oid, 0)::regproc::text,
        'difference', nullif(r.rngsubdiff::oid, 0)::regproc::text,
        'multirange', format_type(r.rngmultitypid, NULL),
        'comment', obj_description(t.oid, 'pg_type')) AS properties,
      '{}'::json AS expressions
    FROM pg_type t JOIN schemas n ON n.oid = t.typnamespace LEFT JOIN pg_range r ON r.rngtypid = t.oid
    WHERE t.typtype IN ('e', 'c', 'r', 'b') AND ${standsAlone('pg_type', 't.oid')}
      AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
      AND (t.typtype <> 'c' OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))`,
};

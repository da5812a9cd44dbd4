import type { Kind } from './kind.ts';

/** A sequence, a part of the table that owns it. Its current value is data and is not compared. */
export const sequence: Kind = {
  name: 'sequence',
  select: `SELECT 'sequence' AS kind, c.schema, coalesce(t.relname, '') AS parent, c.relname AS name,
      json_build_object(
        'type', format_type(s.seqtypid, NULL),
        'start', s.seqstart::text,
        'increment', s.seqincrement::text,
        'minimum', s.seqmin::text,
        'maximum', s.seqmax::text,
        'cache', s.seqcache::text,
        'cycle', s.seqcycle,
        'persistence', c.relpersistence,
        'identity', d.deptype = 'i',
        'owned by', a.attname,
        'comment', obj_description(c.oid, 'pg_class')) AS properties,
      '{}'::json AS expressions
    FROM relations c JOIN pg_sequence s ON s.seqrelid = c.oid
      LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
      LEFT JOIN pg_class t ON t.oid = d.refobjid
      LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid`,
};

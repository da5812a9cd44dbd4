import type { Kind } from './kind.ts';

/** A table of a publication. */
export const publicationTable: Kind = {
  name: 'publication table',
  select: `SELECT 'publication table' AS kind, c.schema, c.relname AS parent, p.pubname AS name,
      json_build_object('columns', (SELECT array_agg(a.attname ORDER BY a.attname COLLATE "C")
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs::int2[]))) AS properties,
      json_build_object('where', pg_get_expr(r.prqual, r.prrelid)) AS expressions
    FROM relations c JOIN pg_publication_rel r ON r.prrelid = c.oid JOIN pg_publication p ON p.oid = r.prpubid`,
};

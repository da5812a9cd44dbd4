import type { Kind } from './kind.ts';

/** A publication for logical replication; its tables are a separate kind. */
export const publication: Kind = {
  name: 'publication',
  select: `SELECT 'publication' AS kind, '' AS schema, '' AS parent, p.pubname AS name,
      json_build_object(
        'all tables', p.puballtables,
        'insert', p.pubinsert, 'update', p.pubupdate, 'delete', p.pubdelete, 'truncate', p.pubtruncate,
        'via root', p.pubviaroot,
        'generated columns', nullif(to_json(p) ->> 'pubgencols', 'n'),
        'schemas', (SELECT array_agg(s.pnnspid::regnamespace::text ORDER BY s.pnnspid::regnamespace::text COLLATE "C")
          FROM pg_publication_namespace s WHERE s.pnpubid = p.oid),
        'comment', obj_description(p.oid, 'pg_publication')) AS properties,
      '{}'::json AS expressions
    FROM pg_publication p`,
};

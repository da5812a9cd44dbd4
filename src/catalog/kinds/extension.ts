import type { Kind } from './kind.ts';

/** An extension and its schema. The version is not compared: it depends on the server. */
export const extension: Kind = {
  name: 'extension',
  select: `SELECT 'extension' AS kind, '' AS schema, '' AS parent, x.extname AS name,
      json_build_object('schema', x.extnamespace::regnamespace::text) AS properties, '{}'::json AS expressions
    FROM pg_extension x`,
};

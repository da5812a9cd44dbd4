import { sorted, type Kind } from './kind.ts';

/** A table on another server. */
export const foreignTable: Kind = {
  name: 'foreign table',
  select: `SELECT 'foreign table' AS kind, c.schema, '' AS parent, c.relname AS name,
      json_build_object(
        'server', (SELECT srvname FROM pg_foreign_server WHERE oid = f.ftserver),
        'options', ${sorted('f.ftoptions')},
        'comment', obj_description(c.oid, 'pg_class')) AS properties,
      '{}'::json AS expressions
    FROM relations c JOIN pg_foreign_table f ON f.ftrelid = c.oid`,
};

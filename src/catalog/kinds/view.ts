import { asView, relationId, sorted, type Kind } from './kind.ts';

/** A view or a materialized view; whether it is populated is not compared. */
export const view: Kind = {
  name: 'view',
  select: `SELECT 'view' AS kind, c.schema, '' AS parent, c.relname AS name,
      json_build_object(
        'materialized', c.relkind = 'm',
        'options', ${sorted('c.reloptions')},
        'comment', obj_description(c.oid, 'pg_class')) AS properties,
      json_build_object('query', pg_get_viewdef(c.oid)) AS expressions
    FROM relations c WHERE c.relkind IN ('v', 'm')`,
  respell: (_, { text }, name) => asView(text, name),
  definition: ({ schema, name }) => `pg_get_viewdef(${relationId(schema, name)})`,
};

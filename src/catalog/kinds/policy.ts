import type { Kind } from './kind.ts';

const roles = `(SELECT array_agg(coalesce(r.rolname, 'public') ORDER BY coalesce(r.rolname, 'public') COLLATE "C")
    FROM unnest(p.polroles) id LEFT JOIN pg_roles r ON r.oid = id)`;

/** A row-level security policy. */
export const policy: Kind = {
  name: 'policy',
  select: `SELECT 'policy' AS kind, c.schema, c.relname AS parent, p.polname AS name,
      json_build_object(
        'command', p.polcmd,
        'permissive', p.polpermissive,
        'roles', ${roles},
        'comment', obj_description(p.oid, 'pg_policy')) AS properties,
      json_build_object(
        'using', pg_get_expr(p.polqual, p.polrelid),
        'with check', pg_get_expr(p.polwithcheck, p.polrelid)) AS expressions
    FROM relations c JOIN pg_policy p ON p.polrelid = c.oid`,
};

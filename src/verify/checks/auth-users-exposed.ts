import { objectName } from '../../catalog/snapshot.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';
import { readsAsOwner, viewReads } from '../view-sql.ts';

/**
 * `auth.users` is the table of Supabase. A view with the rights of its reader shows rows if that reader has the
 * privilege and no policy restricts the table.
 */
const sql = `WITH RECURSIVE ${viewReads},
  signed_up AS (SELECT t.oid, t.relrowsecurity FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = 'auth' AND t.relname = 'users' AND t.relkind IN ('r', 'p')),
  reached AS (
    SELECT r.view FROM reads r JOIN signed_up ON signed_up.oid = r.relation
    UNION SELECT r.view FROM reached b JOIN reads r ON r.relation = b.view)
  SELECT n.nspname AS schema, c.relname AS name, array_agg(role.rolname::text ORDER BY role.rolname) AS roles
  FROM reached JOIN pg_class c ON c.oid = reached.view JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN signed_up JOIN pg_roles role ON role.rolname IN ('anon', 'authenticated')
  WHERE ${isOfTeam('n', 'pg_class', 'c.oid')}
    AND has_schema_privilege(role.oid, n.oid, 'USAGE') AND has_table_privilege(role.oid, c.oid, 'SELECT')
    AND (${readsAsOwner} OR NOT signed_up.relrowsecurity AND has_table_privilege(role.oid, signed_up.oid, 'SELECT'))
  GROUP BY n.nspname, c.relname
  ${byName('n.nspname', 'c.relname')}`;

export const authUsersExposed: Check = {
  name: 'auth-users-exposed',
  group: 'security',
  severity: 'error',
  isStatic: true,
  summary: 'No view shows rows of auth.users to the roles anon and authenticated.',
  harm: 'Visitors read the e-mail addresses and metadata of all users through the API.',
  cure: 'Copy the columns that others may see into a table of your own with row-level security, or revoke SELECT on the view from anon and authenticated.',
  example: `CREATE VIEW public.profiles AS SELECT id, email FROM auth.users; -- on Supabase
GRANT SELECT ON public.profiles TO anon;`,
  limits:
    'Concerns databases with the auth.users of Supabase and these roles; elsewhere there is nothing to find. Which columns and rows a view selects is not judged, nor what functions return.',
  async find({ session }) {
    const views = await session.query<{ schema: string; name: string; roles: string[] }>(sql);
    return views.map(({ roles, ...view }) => {
      const object = { kind: 'view', parent: '', ...view };
      return {
        object,
        message: `${objectName(object)} shows rows of auth.users to ${roles.join(' and ')}.`,
        help: 'Revoke SELECT on it from these roles, or show a table of your own with row-level security instead.',
      };
    });
  },
};

import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { byName } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';
import { isGranted } from '../privilege-sql.ts';
import { teamTables } from '../table-sql.ts';

/**
 * FORCE does not restrict a superuser or a role with BYPASSRLS. `$1` is the roles of the application; where
 * they are unknown, an owner that may log in is one if no other role has privileges.
 */
const sql = `SELECT n.nspname AS schema, c.relname AS name, owner.rolname AS owner
  FROM (SELECT c.*, n.nspname ${teamTables}
    AND c.relrowsecurity AND NOT c.relforcerowsecurity
    AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)) c
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles owner ON owner.oid = c.relowner
  WHERE NOT owner.rolsuper AND NOT owner.rolbypassrls
    AND CASE WHEN $1::text[] IS NULL THEN owner.rolcanlogin AND NOT ${isGranted('c')} ELSE owner.rolname = ANY ($1) END
  ${byName('n.nspname', 'c.relname')}`;

export const rlsNotForced: Check = {
  name: 'rls-not-forced',
  group: 'security',
  severity: 'warning',
  isStatic: false,
  summary:
    'Row-level security also applies to the role of the application where that owns the table.',
  harm: 'Policies do not restrict the owner of a table: an application that logs in as the owner sees the rows of all its users.',
  cure: 'Let the application log in as another role than the one that owns the tables. Otherwise ALTER TABLE … FORCE ROW LEVEL SECURITY; migrations of that owner are then restricted, too.',
  example: `CREATE TABLE notes (id bigint PRIMARY KEY, owner text); -- by the role that the application logs in as
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (owner = current_setting('app.user'));`,
  limits:
    'The roles of the application are those of verify.applicationRoles. Where these are not given, an owner that may log in is taken for one if no other role has privileges on the table.',
  async find({ session, applicationRoles }) {
    const rows = await session.query<{ schema: string; name: string; owner: string }>(sql, [
      applicationRoles ?? null,
    ]);
    return rows.map(({ owner, ...table }) => {
      const object = { kind: 'table', parent: '', ...table };
      return {
        object,
        message: `${objectName(object)} is owned by ${owner}, which its policies do not restrict.`,
        help: `Use another role for the application, or: ALTER TABLE ${quoteName(table)} FORCE ROW LEVEL SECURITY;`,
      };
    });
  },
};

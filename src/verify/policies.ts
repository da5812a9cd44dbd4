import type { Session } from '../db/session.ts';
import { byName, isOfTeam } from './catalogue-sql.ts';

/** A row-level security policy. */
export interface Policy extends Record<string, unknown> {
  schema: string;
  parent: string;
  name: string;
  /** The statements that it is for. */
  commands: ('SELECT' | 'INSERT' | 'UPDATE' | 'DELETE')[];
  isPermissive: boolean;
  /** Names; `public` is every role. */
  roles: string[];
  /** SQL of the expressions under the path of dbops: names have their schemas. */
  using: string | null;
  check: string | null;
}

const sql = `SELECT n.nspname AS schema, c.relname AS parent, p.polname AS name, p.polpermissive AS "isPermissive",
    CASE p.polcmd WHEN 'r' THEN '{SELECT}'::text[] WHEN 'a' THEN '{INSERT}' WHEN 'w' THEN '{UPDATE}'
      WHEN 'd' THEN '{DELETE}' ELSE '{SELECT,INSERT,UPDATE,DELETE}' END AS commands,
    ARRAY(SELECT coalesce(r.rolname, 'public')::text FROM unnest(p.polroles) id LEFT JOIN pg_roles r ON r.oid = id
      ORDER BY 1) AS roles,
    pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relrowsecurity AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname', 'p.polname')}`;

/** Reads the policies of tables with row-level security, in the order of their names. */
export function readPolicies(session: Session): Promise<Policy[]> {
  return session.query<Policy>(sql);
}

/** Returns whether a role for which one policy is may also be one for which the other is. */
export function sharesRole(one: Policy, other: Policy): boolean {
  const isPublic = [one, other].some(({ roles }) => roles.includes('public'));
  return isPublic || one.roles.some((role) => other.roles.includes(role));
}

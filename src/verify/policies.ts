import { objectName } from '../catalog/snapshot.ts';
import type { Session } from '../db/session.ts';
import { SqlSyntaxError } from '../sql/statements.ts';
import { byName, isOfTeam } from './catalogue-sql.ts';
import type { Problem } from './definition.ts';

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

/**
 * Returns what is found in the expressions of a policy. A newer server may write what the parser does not know: such
 * a policy is not checked.
 */
export async function judgePolicy(
  policy: Policy,
  find: (policy: Policy) => Promise<Problem[]>,
): Promise<Problem[]> {
  try {
    return await find(policy);
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error;
    const { schema, parent, name } = policy;
    const object = { kind: 'policy', schema, parent, name };
    return [
      {
        object,
        isNotChecked: true,
        message: `The policy ${objectName(object)} was not checked: ${error.message}`,
        help: 'Use a newer version of dbops, which knows the syntax of this server.',
      },
    ];
  }
}

/** Returns whether a role for which one policy is may also be one for which the other is. */
export function sharesRole(one: Policy, other: Policy): boolean {
  const isPublic = [one, other].some(({ roles }) => roles.includes('public'));
  return isPublic || one.roles.some((role) => other.roles.includes(role));
}

/**
 * Roles that no row-level security restricts, or that a platform keeps for servers: a shadow database has them
 * without their attributes.
 */
const trusted = '^(supabase_|service_role$|postgres$|dashboard_user$|pg_)';

/** Whether a grantee `g` is another role than the owner, or PUBLIC, which row-level security restricts. */
const isRestricted = (
  owner: string,
) => `g.grantee <> ${owner} AND NOT EXISTS (SELECT FROM pg_roles r
    WHERE r.oid = g.grantee AND (r.rolsuper OR r.rolbypassrls OR r.rolname ~ '${trusted}'))`;

/**
 * SQL of whether another role than its owner has privileges on the rows of a relation, or on some of its columns.
 *
 * @param c alias of `pg_class`
 */
export function isGranted(c: string): string {
  return `(EXISTS (SELECT FROM aclexplode(${c}.relacl) g
      WHERE g.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') AND ${isRestricted(`${c}.relowner`)})
    OR EXISTS (SELECT FROM pg_attribute own CROSS JOIN LATERAL aclexplode(own.attacl) g
      WHERE own.attrelid = ${c}.oid AND own.attacl IS NOT NULL AND ${isRestricted(`${c}.relowner`)}))`;
}

/**
 * SQL of whether other roles reach the rows of a relation. Where nobody granted or revoked anything, grants may
 * be made outside of the migrations.
 *
 * @param c alias of `pg_class`
 */
export function isReachable(c: string): string {
  return `(${c}.relacl IS NULL OR ${isGranted(c)})`;
}

/** SQL of whether PUBLIC has a privilege that an ACL contains; a NULL is the default ACL of the kind. */
export function hasPublic(acl: string, privilege: string): string {
  return `EXISTS (SELECT FROM aclexplode(${acl}) g WHERE g.grantee = 0 AND g.privilege_type = '${privilege}')`;
}

/**
 * SQL of an array of those whom no one identified and who have a privilege: PUBLIC, and the role `anon` of a platform
 * such as Supabase, whose default privileges name it.
 *
 * @param acl not NULL
 */
export function visitorsWith(acl: string, privilege: string): string {
  return `ARRAY(SELECT CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE 'anon' END FROM aclexplode(${acl}) g
    WHERE g.privilege_type = '${privilege}' AND (g.grantee = 0 OR g.grantee IN (SELECT oid FROM pg_roles WHERE rolname = 'anon'))
    ORDER BY g.grantee)`;
}

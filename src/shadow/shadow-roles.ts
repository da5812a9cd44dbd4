import { codeOf } from '../db/connection-error.ts';
import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { ScriptError, type Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';

/** Creates roles that the server lacks; they cannot log in and have no rights. */
export async function createRoles(session: Session, roles: readonly string[]): Promise<void> {
  if (roles.length === 0) return;
  const missing = await session.query<{ name: string; member: string }>(
    `SELECT r.name, CASE WHEN current_setting('is_superuser') = 'on' THEN '' ELSE ' ROLE CURRENT_USER' END AS member
      FROM unnest($1::text[]) r (name)
      WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r.name)`,
    [roles],
  );
  const statements = missing.map(({ name, member }) => {
    const role = quoteIdentifier(name);
    return `CREATE ROLE ${role} NOLOGIN${member}; COMMENT ON ROLE ${role} IS ${quoteLiteral(mark)}`;
  });
  await session.script(statements.join('; '));
}

/** The comment that identifies roles of shadow databases. */
const mark = 'created by dbops for a shadow database';

/** Keys of advisory locks: `change` is held while roles are created or dropped, `use` by every shadow. */
const locks = { change: 0x5ad0, use: 0x5ad1 };

/**
 * Creates roles on a server, whose shadow databases share them.
 *
 * Without CREATEROLE, or while another process holds the lock, the shadow goes without: a replay that
 * needs a role reports it.
 */
export async function createSharedRoles(admin: Session, roles: readonly string[]): Promise<void> {
  if (roles.length === 0) return;
  if (!(await lockChanges(admin))) return;
  await createRoles(admin, roles).catch((error: unknown) => {
    if (!isCode(error, sqlstate.insufficientPrivilege)) throw error;
  });
  await admin.script(
    `SELECT pg_advisory_lock_shared(${locks.use}), pg_advisory_unlock(${locks.change})`,
  );
}

/** Drops the created roles once no shadow database uses them. */
export async function dropSharedRoles(admin: Session): Promise<void> {
  await admin.script('SELECT pg_advisory_unlock_all()');
  if (!(await lockChanges(admin))) return;
  const [lock] = await admin.query<{ isUnused: boolean }>(
    `SELECT pg_try_advisory_lock(${locks.use}) AS "isUnused"`,
  );
  if (!lock?.isUnused) return;
  const roles = await admin.query<{ name: string }>(
    `SELECT rolname AS name FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = $1`,
    [mark],
  );
  for (const { name } of roles)
    // Another database may have come to depend on it.
    await admin.script(`DROP ROLE ${quoteIdentifier(name)}`).catch(() => {});
}

/** Returns whether the lock was obtained: another process that holds it may have been stopped. */
async function lockChanges(admin: Session): Promise<boolean> {
  const lock = `SET lock_timeout = '10s'; SELECT pg_advisory_lock(${locks.change}); RESET lock_timeout`;
  return admin.script(lock).then(
    () => true,
    (error: unknown) => {
      if (isCode(error, sqlstate.lockNotAvailable)) return false;
      throw error;
    },
  );
}

function isCode(error: unknown, code: string): boolean {
  return codeOf(error instanceof ScriptError ? error.cause : error) === code;
}

import { grantHint, isRightMissing, refusal } from '../db/refusal.ts';
import { schemaOf } from '../db/search-path.ts';
import { ScriptError, statementOf, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import { plainName } from './expression.ts';
import { replicaIdentityError } from './replica-identity.ts';
import { requiredPrivileges, type RequiredPrivilege } from './required-privileges.ts';

/**
 * Returns the error for a missing privilege with the statements that grant exactly what the failed
 * statement lacks, to the role that is in force, and that for a publication with its remedy; the error
 * itself where it is another one, or the server cannot be asked.
 */
export async function withRemedy(error: unknown, session: Session): Promise<unknown> {
  const isKnown = error instanceof DbopsError;
  if (isKnown && error.code !== 'DATABASE.RIGHT') return error;
  const cause = isKnown || error instanceof ScriptError ? error.cause : error;
  const rejected = replicaIdentityError(cause);
  if (rejected) return rejected;
  const sql = isRightMissing(cause) ? statementOf(cause) : undefined;
  if (sql === undefined) return error;
  try {
    await session.script('ROLLBACK');
    const grants = await missingGrants(session, sql);
    const base = isKnown ? error : refusal(cause, session.target);
    return grants && base ? base.with({ hint: grantHint(grants) }) : error;
  } catch {
    return error;
  }
}

/** The role whose privileges the server checks. */
interface Role {
  /** SQL that sets the search_path under which the statement ran; absent: that of the role. */
  toPath?: string | undefined;
  /** The role that the statement ran as; absent: the current one of the session. */
  role?: string | undefined;
}

/**
 * Returns the statements that grant what a failed statement lacks, separated by spaces; undefined where
 * the role has every privilege that its text needs. Called after the rollback.
 */
export async function missingGrants(
  session: Session,
  sql: string,
  { toPath, role }: Role = {},
): Promise<string | undefined> {
  const grants = new Set<string>();
  for (const required of await requiredPrivileges(sql))
    for (const grant of await grantsFor(session, required, { toPath, role })) grants.add(grant);
  return grants.size > 0 ? [...grants].join(' ') : undefined;
}

async function grantsFor(
  session: Session,
  required: RequiredPrivilege,
  { toPath, role }: Role,
): Promise<string[]> {
  if (required.kind === 'schema') return onSchema(session, required.schema, role);
  const { table, privilege } = required;
  const schema = table.schema ?? (await schemaOf(session, table.name, toPath));
  const [row] = await session.query<{
    role: string;
    owner: string;
    hasUsage: boolean;
    isGranted: boolean;
  }>(
    `SELECT r.role, pg_get_userbyid(c.relowner) AS owner, has_schema_privilege(r.role, n.oid, 'USAGE') AS "hasUsage",
       CASE $3 WHEN 'OWNER' THEN pg_has_role(r.role, c.relowner, 'USAGE')
         ELSE has_table_privilege(r.role, c.oid, $3)
           OR ($3 IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(r.role, c.oid, $3))
       END AS "isGranted"
     FROM (SELECT coalesce($4, current_user)::name AS role) r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2`,
    [schema ?? '', table.name, privilege, role ?? null],
  );
  if (!row) return [];
  const to = await plainName(row.role);
  const usage = row.hasUsage
    ? []
    : [`GRANT USAGE ON SCHEMA ${await plainName(schema ?? '')} TO ${to};`];
  if (row.isGranted) return usage;
  const name = `${await plainName(schema ?? '')}.${await plainName(table.name)}`;
  const grant =
    privilege === 'OWNER'
      ? `GRANT ${await plainName(row.owner)} TO ${to};`
      : `GRANT ${privilege} ON ${name} TO ${to};`;
  return [...usage, grant];
}

/** The first schema of the search_path is where a name without a schema is created. */
async function onSchema(
  session: Session,
  schema: string | undefined,
  role: string | undefined,
): Promise<string[]> {
  const [row] = await session.query<{ role: string; mayCreate: boolean }>(
    `SELECT r.role, has_schema_privilege(r.role, n.oid, 'CREATE') AS "mayCreate"
       FROM (SELECT coalesce($2, current_user)::name AS role) r, pg_namespace n WHERE n.nspname = $1`,
    [schema ?? 'public', role ?? null],
  );
  if (!row || row.mayCreate) return [];
  const place = await plainName(schema ?? 'public');
  return [`GRANT CREATE ON SCHEMA ${place} TO ${await plainName(row.role)};`];
}

import { quoteIdentifier as q } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import {
  planDdl,
  readPlannerCatalog,
  rolesOf,
  withoutForeign,
  type Foreign,
  type PlannerCatalog,
} from './pg-delta.ts';

/**
 * Makes a shadow what a live database is, without its rows: for a folder that does not replay.
 *
 * Must run in a transaction of the shadow in which the names are qualified.
 *
 * @param live read from the live database
 * @throws Unplannable; the server's error where the shadow can not hold what the live database has
 */
export async function rebuild(
  shadow: Session,
  live: PlannerCatalog,
  foreign: Foreign,
): Promise<void> {
  const now = await readPlannerCatalog(shadow);
  await makeRoles(shadow, live, now);
  const target = withoutForeign(live, now, foreign);
  for (const { sql } of planDdl(now, target, { rebuild: false })) await shadow.script(sql);
}

/** Policies and grants name roles, and roles are the server's, not the database's. */
async function makeRoles(
  shadow: Session,
  live: PlannerCatalog,
  now: PlannerCatalog,
): Promise<void> {
  const known = new Set(rolesOf(now.base));
  const missing = rolesOf(live.base).filter((role) => !known.has(role) && !role.startsWith('pg_'));
  await shadow.script(missing.map((role) => `CREATE ROLE ${q(role)}`).join('; '));
}

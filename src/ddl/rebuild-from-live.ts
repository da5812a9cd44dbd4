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
 * Gives a shadow the schema of a live database, for a folder that cannot be replayed.
 *
 * Must run in a transaction of the shadow in which the names are qualified.
 *
 * @param live the catalog of the live database
 * @throws UnplannableError; the server's error when an object cannot be created in the shadow
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

/** Creates missing roles, which policies and grants name. */
async function makeRoles(
  shadow: Session,
  live: PlannerCatalog,
  now: PlannerCatalog,
): Promise<void> {
  const known = new Set(rolesOf(now.base));
  const missing = rolesOf(live.base).filter((role) => !known.has(role) && !role.startsWith('pg_'));
  await shadow.script(missing.map((role) => `CREATE ROLE ${q(role)}`).join('; '));
}

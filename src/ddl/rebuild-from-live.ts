import type { Session } from '../db/session.ts';
import {
  planDdl,
  readPlannerCatalog,
  withoutForeign,
  type Foreign,
  type PlannerCatalog,
} from './pg-delta.ts';

/**
 * Gives a shadow the schema of a live database, for a folder that cannot be replayed.
 *
 * Must run in a transaction of the shadow in which the names are qualified. The shadow has the roles.
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
  const target = withoutForeign(live, now, foreign);
  for (const { sql } of planDdl(now, target, { rebuild: false })) await shadow.script(sql);
}

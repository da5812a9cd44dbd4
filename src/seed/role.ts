import { toOwnPath, toUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';

/** SQL before statements that run code of the application: triggers and files see what the role sees. */
export const asTheRole = `${toUserPath}; SET LOCAL row_security = on`;

/** SQL that undoes `asTheRole`: rows that a policy hides are an error, not absent. */
export function asOurselves(session: Session): string {
  return `${toOwnPath(session)}; SET LOCAL row_security = off`;
}

import type { Session } from '../db/session.ts';
import type { Format } from '../formats/format.ts';
import { formats } from '../formats/index.ts';

/**
 * Returns the schemas of the platform that a database runs on, whichever tool its folder is written
 * for. They are recognised by the owner of some of them, because an application may have a schema
 * `auth` of its own.
 */
export async function platformSchemas(
  session: Session,
  { platform }: Format,
): Promise<readonly string[]> {
  if (platform) return platform.schemas;
  const known = formats.flatMap((format) => format.platform?.schemas ?? []);
  const rows = await session.query(
    `SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
      WHERE n.nspname = ANY ($1) AND starts_with(r.rolname, 'supabase_')`,
    [known],
  );
  return rows.length > 0 ? known : [];
}

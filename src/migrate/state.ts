import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import type { Applied, Folder, TrackingRow } from '../formats/format.ts';
import { compare, type MigrationStatus } from './plan.ts';

const missing = new Set(['42P01', '3F000']); // undefined_table, invalid_schema_name

/** What the tracking table says; nothing when it does not exist yet. */
export async function readApplied(
  session: Session,
  { tracking, migrations }: Pick<Folder, 'tracking' | 'migrations'>,
): Promise<Applied> {
  const rows = await session.query<TrackingRow>(tracking.select).catch((error: unknown) => {
    if (missing.has(codeOf(error))) return [];
    throw error;
  });
  return tracking.toApplied(rows, migrations);
}

/** A folder beside its tracking table, and what the tracking table says. */
export async function readState(
  session: Session,
  folder: Folder,
): Promise<Applied & { statuses: MigrationStatus[] }> {
  const { applied, findings } = await readApplied(session, folder);
  return { applied, findings, statuses: compare(folder.migrations, applied) };
}

/** A folder beside its tracking table. */
export async function readStatuses(session: Session, folder: Folder): Promise<MigrationStatus[]> {
  return (await readState(session, folder)).statuses;
}

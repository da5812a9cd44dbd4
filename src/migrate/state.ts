import { codeOf } from '../db/connection-error.ts';
import type { Session } from '../db/session.ts';
import { toApplied, type Folder, type Tracking, type TrackingRow } from '../formats/format.ts';
import type { AppliedMigration } from '../migration.ts';
import { compare, type MigrationStatus } from './plan.ts';

const missing = new Set(['42P01', '3F000']); // undefined_table, invalid_schema_name

/** The rows of a tracking table; none when it does not exist yet. */
export async function readApplied(
  session: Session,
  tracking: Tracking,
): Promise<AppliedMigration[]> {
  try {
    return (await session.query<TrackingRow & Record<string, unknown>>(tracking.select)).map(
      toApplied,
    );
  } catch (error) {
    if (missing.has(codeOf(error))) return [];
    throw error;
  }
}

/** A folder beside its tracking table. */
export async function readStatuses(session: Session, folder: Folder): Promise<MigrationStatus[]> {
  return compare(folder.migrations, await readApplied(session, folder.format.tracking));
}

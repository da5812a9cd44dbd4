import { codeOf } from '../db/connection-error.ts';
import { refusal } from '../db/refusal.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { Applied, Folder, Format, Tracking, TrackingRow } from '../formats/format.ts';
import { compare, type MigrationStatus } from '../migrate/plan.ts';

const missing = new Set<string>([sqlstate.undefinedTable, sqlstate.invalidSchemaName]);

type Readable = Pick<Folder, 'tracking' | 'migrations'> & Partial<Pick<Folder, 'format'>>;

/** What the tracking table says; nothing when it does not exist yet. @throws code 6 when it is another table */
export async function readApplied(
  session: Session,
  { tracking, migrations, format }: Readable,
): Promise<Applied> {
  const rows = await session.query<TrackingRow>(tracking.select).catch((error: unknown) => {
    if (missing.has(codeOf(error))) return [];
    throw unreadable(error, session, tracking, format) ?? error;
  });
  return tracking.toApplied(rows, migrations);
}

/** A table that has the tracking table's name, and not its columns (class 42 of SQLSTATE, or 22). */
function unreadable(
  error: unknown,
  { target }: Session,
  { table }: Tracking,
  format?: Format,
): DbopsError | undefined {
  const refused = refusal(error, target, table);
  if (refused || !/^(?:42|22)[0-9A-Z]{3}$/.test(codeOf(error))) return refused;
  const said = messageOf(error);
  return new DbopsError({
    code: 'TRACKING.UNREADABLE',
    exitCode: exitCodes.desynchronised,
    message: `${table} is not the table that ${format?.name ?? 'its tool'} makes: ${said}.`,
    reason: [`SQLSTATE ${codeOf(error)}`],
    hint: `Name the table that it is with --tracking-table, or the tool with --format. What the table has, psql shows: \\d ${table}`,
    cause: error,
  });
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

import { sqlstate } from '../db/sqlstate.ts';
import { codeOf } from '../db/connection-error.ts';
import { refusal } from '../db/refusal.ts';
import { readOnce, type Session } from '../db/session.ts';
import { DbopsError, exitCodes, messageOf } from '../errors.ts';
import type { Applied, Folder, Format, Tracking, TrackingRow } from '../formats/format.ts';
import { ColumnError } from '../formats/shared/rows.ts';
import type { AppliedMigration, Migration } from '../migration.ts';

export const migrationStates = [
  'applied',
  'pending',
  'edited',
  'unrecorded',
  'missing-file',
  'failed',
  'out-of-order',
  'duplicate',
] as const;
export type MigrationState = (typeof migrationStates)[number];

/** The state of a migration in the folder and in the tracking table. */
export interface MigrationStatus {
  name: string;
  state: MigrationState;
  /** Hash of the file; `null` without a file. */
  hash: string | null;
  recordedHash: string | null;
  appliedAt: Date | null;
  /** Absent for a recorded name without a file. */
  migration?: Migration;
}

/**
 * Compares a folder with its tracking table, in the order of the folder; names without a file come
 * last.
 */
export function compare(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): MigrationStatus[] {
  const rows = new Map(applied.map((row) => [row.name, row]));
  const lastApplied = migrations.findLastIndex(({ name }) => rows.has(name));
  let versions: Map<string | undefined, number> | undefined;
  const isTwin = ({ version }: Migration) => {
    versions ??= countBy(migrations, (each) => each.version);
    return version !== undefined && (versions.get(version) ?? 0) > 1;
  };
  const present = migrations.map((migration, index): MigrationStatus => {
    const row = rows.get(migration.name);
    const state = row
      ? stateOfRow(row, migration)
      : isTwin(migration)
        ? 'duplicate'
        : index < lastApplied
          ? 'out-of-order'
          : 'pending';
    return new StatusOfFile(migration, state, row);
  });
  const known = new Set(migrations.map(({ name }) => name));
  const missing = applied
    .filter(({ name }) => !known.has(name))
    .map(({ name, hash, appliedAt, isFailed }): MigrationStatus => ({
      name,
      state: isFailed ? 'failed' : 'missing-file',
      hash: null,
      recordedHash: hash,
      appliedAt,
    }));
  return [...present, ...missing];
}

/** A class for the reason of `FileMigration`. */
class StatusOfFile implements MigrationStatus {
  readonly name: string;
  readonly state: MigrationState;
  readonly recordedHash: string | null;
  readonly appliedAt: Date | null;
  readonly migration: Migration;

  constructor(migration: Migration, state: MigrationState, row: AppliedMigration | undefined) {
    this.name = migration.name;
    this.state = state;
    this.recordedHash = row?.hash ?? null;
    this.appliedAt = row?.appliedAt ?? null;
    this.migration = migration;
  }

  /** Computed only when it is read: some tools record none. */
  get hash(): string {
    return this.migration.hash;
  }
}

function stateOfRow(row: AppliedMigration, migration: Migration): MigrationState {
  if (row.isFailed) return 'failed';
  if (migration.isMissing) return 'missing-file';
  if (row.hash === null || row.hash === migration.hash) return 'applied';
  return migration.otherHashes?.includes(row.hash) ? 'applied' : 'edited';
}

/** Returns how many of the items have each key. */
export function countBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, number> {
  const counts = new Map<K, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}

const missing = new Set<string>([sqlstate.undefinedTable, sqlstate.invalidSchemaName]);

type Readable = Pick<Folder, 'tracking' | 'migrations'> & Partial<Pick<Folder, 'format'>>;

interface ReadAtOnce {
  /** `null` for an empty table. */
  rows: TrackingRow[] | null;
}

/** Returns SQL of all rows as one value: the driver takes longer for the messages of a thousand rows than for their JSON. */
function atOnce({ select }: Tracking): string {
  return `SELECT pg_catalog.json_agg(recorded) AS rows FROM (${select}) AS recorded`;
}

/**
 * Returns the rows of the tracking table; none when it does not exist. @throws code 6 when it is
 * another table
 */
export async function readApplied(
  session: Session,
  { tracking, migrations, format }: Readable,
): Promise<Applied> {
  const reading = readOnce<ReadAtOnce>(session, atOnce(tracking)).catch((error: unknown) => {
    if (missing.has(codeOf(error))) return [];
    throw unreadable(error, session, tracking, format) ?? error;
  });
  // While the server answers, the hashes are computed that its answer is compared with.
  if (tracking.rows.contentOf) migrations.forEach(({ hash }) => hash);
  const [read] = await reading;
  try {
    return tracking.toApplied(read?.rows ?? [], migrations);
  } catch (error) {
    throw error instanceof ColumnError ? otherTable(error, tracking, format) : error;
  }
}

/** A table that has the tracking table's name but not its columns (class 42 of SQLSTATE, or 22). */
function unreadable(
  error: unknown,
  { target }: Session,
  { table }: Tracking,
  format?: Format,
): DbopsError | undefined {
  const refused = refusal(error, target, table);
  if (refused || !/^(?:42|22)[0-9A-Z]{3}$/.test(codeOf(error))) return refused;
  return otherTable(error, { table }, format);
}

function otherTable(error: unknown, { table }: Pick<Tracking, 'table'>, format?: Format) {
  return new DbopsError({
    code: 'TRACKING.UNREADABLE',
    exitCode: exitCodes.desynchronised,
    message: `${table} is not a tracking table of ${format?.name ?? 'the tool'}: ${messageOf(error)}.`,
    reason: error instanceof ColumnError ? [] : [`SQLSTATE ${codeOf(error)}`],
    hint: `Pass the right table with --tracking-table, or the right tool with --format. To see its columns in psql: \\d ${table}`,
    cause: error,
  });
}

/** Reads the tracking table and compares the folder with it. */
export async function readState(
  session: Session,
  folder: Folder,
): Promise<Applied & { statuses: MigrationStatus[] }> {
  const { applied, findings } = await readApplied(session, folder);
  return { applied, findings, statuses: compare(folder.migrations, applied) };
}

/** Returns the state of every migration. */
export async function readStatuses(session: Session, folder: Folder): Promise<MigrationStatus[]> {
  return (await readState(session, folder)).statuses;
}

/** Returns whether the tracking table records no migration of the folder. */
export function nothingRecorded(statuses: readonly MigrationStatus[]): boolean {
  return statuses.every(({ state }) => state === 'pending' || state === 'duplicate');
}

import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, usageError } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import { columnsKey, formats, trackingColumns } from '../formats/index.ts';
import { openFolder } from '../formats/open-folder.ts';
import { catalogName, textOf, type TrackingTableName } from '../formats/shared/tracking-table.ts';
import type { Finding } from '../report.ts';
import { optionFor, tablesWhere, type Candidate } from './tracking-candidates.ts';
import { listDirectory } from '../text-file.ts';
import { readApplied } from './tracking-state.ts';
import { findUnsupported, assertSupportedTables } from './unsupported-tools.ts';

/** Another tracking table, which records migrations of this folder. */
export interface Elsewhere {
  name: TrackingTableName;
  /** How many migrations of the folder it records. */
  count: number;
  /** The options with which dbops reads it. */
  options: string;
}

/**
 * Finds tracking tables of another name that record the folder: tables with the columns of a
 * tracking table, of whose rows most are migrations of the folder. Many other tables have the same
 * few columns.
 */
export async function findElsewhere(session: Session, folder: Folder): Promise<Elsewhere[]> {
  const tables = await session.query<Candidate>(candidates);
  const found: Elsewhere[] = [];
  for (const { schema, table, columns } of tables)
    for (const format of formatsWith(columns, folder.format)) {
      const name = { schema, table };
      const count = await countIn(session, folder, format, name);
      if (count > 0) found.push({ name, count, options: optionsFor(name, format, folder) });
    }
  // Another run may have created the folder's own table meanwhile.
  const isRecorded = found.length > 0 && (await readApplied(session, folder)).applied.length > 0;
  return isRecorded ? [] : found;
}

const candidates = tablesWhere(
  `a.columns IN (${[...trackingColumns].map(quoteLiteral).join(', ')})`,
);
/** The folder's own format comes first. */
function formatsWith(columns: string, own: Format): Format[] {
  const fitting = formats.filter((format) =>
    format.columns.some((set) => columnsKey(set) === columns),
  );
  return fitting.toSorted((a, b) => Number(b.name === own.name) - Number(a.name === own.name));
}

async function countIn(
  session: Session,
  folder: Folder,
  format: Format,
  name: TrackingTableName,
): Promise<number> {
  const other = opened(folder, format, name);
  if (!other || (format.name !== folder.format.name && isRefused(other))) return 0;
  try {
    const { applied } = await readApplied(session, other);
    const recorded = new Set(applied.map((row) => row.name));
    const count = other.migrations.filter((migration) => recorded.has(migration.name)).length;
    return 2 * count > recorded.size ? count : 0;
  } catch {
    return 0; // Columns of other types: not a tracking table. A lost connection is reported by the next query.
  }
}

/** Files that a tool would not run are not counted. */
function isRefused({ findings }: Folder): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

/**
 * Returns the folder as another format reads it, or with another table; undefined where that is
 * impossible.
 */
function opened(
  { directory }: Folder,
  format: Format,
  name?: TrackingTableName,
): Folder | undefined {
  try {
    return openFolder({ directory, names: listDirectory(directory) ?? [], format }, name);
  } catch (error) {
    if (error instanceof DbopsError) return undefined;
    throw error;
  }
}

function optionsFor(name: TrackingTableName, format: Format, folder: Folder): string {
  const isOwn = format.name === folder.format.name;
  const isUsual = !isOwn && opened(folder, format)?.tracking.tables[0] === catalogName(name);
  return [
    ...(isOwn ? [] : [`--format ${format.name}`]),
    ...(isUsual ? [] : [optionFor(textOf(name))]),
  ].join(' ');
}

/**
 * Returns the findings of `migrate status` about other tracking tables.
 * @param isChosen whether the user named the tracking table
 */
export function findingsOfElsewhere(
  elsewhere: readonly Elsewhere[],
  { tracking }: Folder,
  isChosen: boolean,
): Finding[] {
  return elsewhere.map((other) => ({
    code: 'tracking-elsewhere',
    severity: isChosen ? 'info' : 'warning',
    message: `${sentenceOf(other)}; ${tracking.table} records none.`,
    help: `To use that table: dbops migrate status ${other.options}`,
    where: { object: textOf(other.name) },
    key: `tracking-elsewhere:${textOf(other.name)}`,
  }));
}

function sentenceOf({ name, count }: Elsewhere): string {
  return `${textOf(name)} records ${count} ${count === 1 ? 'migration' : 'migrations'} of this folder`;
}

/**
 * Rejects a run whose tracking table has no rows where another tracking table has some.
 *
 * @throws usage error, unless the user named the table
 */
export async function refuseForgottenTable(
  { settings, command }: { settings: { trackingTable?: TrackingTableName }; command: string },
  session: Session,
  folder: Folder,
): Promise<void> {
  if (settings.trackingTable) return;
  assertSupportedTables(await findUnsupported(session, folder), folder);
  assertNotElsewhere(await findElsewhere(session, folder), folder, command);
}

/**
 * @param command the command to repeat with another table
 * @throws usage error when another table records the folder, because applying everything again is
 *   hardly ever intended
 */
function assertNotElsewhere(
  elsewhere: readonly Elsewhere[],
  { tracking }: Folder,
  command: string,
): void {
  const [first] = elsewhere;
  if (!first) return;
  throw usageError(
    'TRACKING.ELSEWHERE',
    `${tracking.table} has no rows, but another table records migrations of this folder; nothing was changed.`,
    `To use that table: dbops ${command} ${first.options}; to ignore it: dbops ${command} ${optionFor(tracking.table)}`,
    elsewhere.map((each) => `${sentenceOf(each)} (${each.options})`),
  );
}

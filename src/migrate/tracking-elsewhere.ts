import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, usageError } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import { listDirectory } from '../formats/detect.ts';
import { formats } from '../formats/index.ts';
import { openFolder } from '../formats/open-folder.ts';
import { catalogName, textOf, type TrackingTableName } from '../formats/shared/tracking-table.ts';
import type { Finding } from '../report.ts';
import { type MigrationStatus, readApplied } from '../runner/tracking-state.ts';
import { shellWord } from '../output/shell.ts';

/** Another tracking table than the folder's, which records migrations of this folder. */
export interface Elsewhere {
  name: TrackingTableName;
  /** How many migrations of the folder it records. */
  count: number;
  /** The options with which dbops reads it. */
  options: string;
}

/** Whether a folder is as new to its tracking table: only then is it worth looking elsewhere. */
export function nothingRecorded(statuses: readonly MigrationStatus[]): boolean {
  return statuses.every(({ state }) => state === 'pending' || state === 'duplicate');
}

/**
 * Looks for the rows of a folder of which the tracking table has none: in tables with the columns
 * of a tracking table, whatever their names. Such a table counts only where, read as its tool reads
 * it, most of its rows are migrations of this folder; many other tables have the same few columns.
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
  // A run beside this one may have begun to record: then the folder's own table is among them.
  const isRecorded = found.length > 0 && (await readApplied(session, folder)).applied.length > 0;
  return isRecorded ? [] : found;
}

interface Candidate {
  schema: string;
  table: string;
  columns: string;
}

const keyOf = (columns: readonly string[]) => columns.toSorted().join(' ');

const known = new Set(formats.flatMap(({ columns }) => columns.map(keyOf)));

/** By size too: an application's own table of these columns may have any number of rows. */
const candidates = `SELECT n.nspname AS schema, c.relname AS table, a.columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (
    SELECT string_agg(attname::text, ' ' ORDER BY attname::text COLLATE "C") AS columns
    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
  WHERE c.relkind = 'r' AND c.relpages < 2000
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND a.columns IN (${[...known].map(quoteLiteral).join(', ')})
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  ORDER BY 1, 2`;

/** The folder's own format first. */
function formatsWith(columns: string, own: Format): Format[] {
  const fitting = formats.filter((format) => format.columns.some((set) => keyOf(set) === columns));
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
    return 0; // Columns of other types: no tracking table. A lost connection shows at what follows.
  }
}

/** Files that a tool would not run are not its files. */
function isRefused({ findings }: Folder): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

/** The folder as another format reads it, or on another table; nothing where that is impossible. */
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

function optionFor(name: string): string {
  return `--tracking-table ${shellWord(name)}`;
}

/**
 * What status says of them.
 *
 * @param isChosen whether --tracking-table was given, so that another table is not unexpected
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
 * @param command the command to repeat with another table
 * @throws usage error when there are some, because all migrations would be applied again
 */
export function refuseElsewhere(
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

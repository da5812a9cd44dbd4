import { basename } from 'node:path';
import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { DbopsError, usageError } from '../errors.ts';
import type { Folder, Format } from '../formats/format.ts';
import { listDirectory } from '../formats/detect.ts';
import { formats } from '../formats/index.ts';
import { openFolder } from '../formats/open-folder.ts';
import { unsupportedTools, type ToolTable } from '../formats/unsupported.ts';
import type { Migration } from '../migration.ts';
import {
  catalogName,
  quotedName,
  textOf,
  type TrackingTableName,
} from '../formats/shared/tracking-table.ts';
import type { Finding } from '../report.ts';
import { type MigrationStatus, readApplied } from '../runner/tracking-state.ts';
import { formatCountOf } from '../output/number.ts';
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

/** The table of a tool that dbops does not support, which records migrations of this folder. */
export interface ForeignRecord {
  name: TrackingTableName;
  tool: string;
  /** How many migrations of the folder it records. */
  count: number;
}

/**
 * Returns the tables in which unsupported tools record migrations of this folder. Some of their
 * folders have no mark: `000001_init.up.sql` is a file of golang-migrate, of sqlx, and of dbops.
 */
export async function findForeign(session: Session, folder: Folder): Promise<ForeignRecord[]> {
  const tables = await session.query<Candidate>(foreignCandidates);
  const found: ForeignRecord[] = [];
  for (const { schema, table, columns } of tables) {
    const present = new Set(columns.split(' '));
    for (const { name: tool, table: own } of unsupportedTools) {
      if (!own || !isTableOf(own, table, present)) continue;
      const count = await countForeign(session, folder, { schema, table }, own);
      if (count > 0) found.push({ name: { schema, table }, tool, count });
    }
  }
  return found;
}

/** Returns those tables as `schema.table`: no migration creates them. */
export async function foreignTables(session: Session, folder: Folder): Promise<string[]> {
  return (await findForeign(session, folder)).map(({ name }) => catalogName(name));
}

/** Few columns are those of many tables: then there must be no others. */
function isTableOf({ name, columns }: ToolTable, table: string, present: Set<string>): boolean {
  if (name !== undefined && name !== table) return false;
  const isCertain = name !== undefined || columns.length >= 4 || columns.length === present.size;
  return isCertain && columns.every((column) => present.has(column));
}

async function countForeign(
  session: Session,
  { migrations }: Folder,
  name: TrackingTableName,
  { key, where = 'true', isPosition = false }: ToolTable,
): Promise<number> {
  const sql = `SELECT ${quoteIdentifier(key)}::text AS key FROM ${quotedName(name)} WHERE ${where}`;
  // Columns of other types: not that table. A lost connection shows at what follows.
  const rows = await session.query<{ key: string | null }>(sql).catch(() => []);
  const recorded = new Set(rows.map((row) => normalized(row.key ?? '')));
  const place = migrations.findLastIndex((migration) =>
    keysOf(migration).some((each) => recorded.has(each)),
  );
  if (isPosition) return place + 1;
  return migrations.filter((each) => keysOf(each).some((one) => recorded.has(one))).length;
}

/** The number of a migration, its name, and the name of its file. */
function keysOf({ name, up }: Migration): string[] {
  const number = /^\d+/.exec(name)?.[0];
  return [name, basename(up.file), ...(number ? [normalized(number)] : [])];
}

/** Returns a number without leading zeros, and of a path its last part. */
function normalized(key: string): string {
  return /^\d+$/.test(key) ? String(BigInt(key)) : basename(key);
}

const foreignColumns = unsupportedTools.flatMap(({ table }) => (table ? [table.columns] : []));

interface Candidate {
  schema: string;
  table: string;
  columns: string;
}

const keyOf = (columns: readonly string[]) => columns.toSorted().join(' ');

const known = new Set(formats.flatMap(({ columns }) => columns.map(keyOf)));

/** By size too: an application's own table of these columns may have any number of rows. */
const tablesWhere = (
  condition: string,
) => `SELECT n.nspname AS schema, c.relname AS table, a.columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (
    SELECT string_agg(attname::text, ' ' ORDER BY attname::text COLLATE "C") AS columns,
      array_agg(attname::text) AS names
    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
  WHERE c.relkind = 'r' AND c.relpages < 2000
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (${condition})
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  ORDER BY 1, 2`;

const candidates = tablesWhere(`a.columns IN (${[...known].map(quoteLiteral).join(', ')})`);
const foreignCandidates = tablesWhere(
  foreignColumns
    .map((each) => `a.names @> ARRAY[${each.map(quoteLiteral).join(', ')}]`)
    .join(' OR '),
);

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
 * @param isChosen the folder's table was named, so that another one is no surprise
 */
export function findingsOfElsewhere(
  elsewhere: readonly Elsewhere[],
  { tracking }: Folder,
  isChosen: boolean,
): Finding[] {
  return elsewhere.map((other) => ({
    code: 'tracking-elsewhere',
    severity: isChosen ? 'info' : 'warning',
    message: `${sentenceOf(other)}, ${tracking.table} none.`,
    help: `If that is where they are tracked: dbops migrate status ${other.options}`,
    where: { object: textOf(other.name) },
    key: `tracking-elsewhere:${textOf(other.name)}`,
  }));
}

function sentenceOf({ name, count }: Elsewhere): string {
  return `${textOf(name)} records ${count} ${count === 1 ? 'migration' : 'migrations'} of this folder`;
}

/**
 * @param command to give again with another table
 * @throws usage error when there are some: to run everything again is hardly ever meant
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
    `${tracking.table} records nothing, but another table does; nothing was changed.`,
    `Name that table: dbops ${command} ${first.options}; or, if it is not to count, the one that is meant: dbops ${command} ${optionFor(tracking.table)}`,
    elsewhere.map((each) => `${sentenceOf(each)} (${each.options})`),
  );
}

/** What status reports of tables of unsupported tools. */
export function findingsOfForeign(foreign: readonly ForeignRecord[], folder: Folder): Finding[] {
  return foreign.map((each) => ({
    code: 'unsupported-tool',
    severity: 'error',
    message: `${foreignSentence(each)}; dbops does not support ${each.tool}.`,
    help: takeOver(each, folder),
    where: { object: textOf(each.name) },
    key: `unsupported-tool:${textOf(each.name)}`,
  }));
}

function foreignSentence({ name, tool, count }: ForeignRecord): string {
  return `${textOf(name)}, the tracking table of ${tool}, records ${formatCountOf(count, 'migration')} of this folder`;
}

/** @throws usage error when an unsupported tool has run migrations of this folder */
export function refuseForeign(foreign: readonly ForeignRecord[], folder: Folder): void {
  const [first] = foreign;
  if (!first) return;
  throw usageError(
    'TRACKING.UNSUPPORTED',
    `The migrations of this folder were run by ${first.tool}, which dbops does not support; nothing was changed.`,
    takeOver(first, folder),
    foreign.map((each) => `${foreignSentence(each)}.`),
  );
}

function takeOver({ tool }: ForeignRecord, { tracking }: Folder): string {
  return `Continue with ${tool}; or, to move the folder to dbops, record what is applied: dbops migrate baseline ${optionFor(tracking.table)}`;
}

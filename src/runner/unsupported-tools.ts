import { basename } from 'node:path';
import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { usageError } from '../errors.ts';
import type { Folder } from '../formats/format.ts';
import {
  catalogName,
  quotedName,
  textOf,
  type TrackingTableName,
} from '../formats/shared/tracking-table.ts';
import { unsupportedTools, type ToolTable } from '../formats/unsupported.ts';
import type { Migration } from '../migration.ts';
import { formatCountOf } from '../output/number.ts';
import type { Finding } from '../report.ts';
import { optionFor, tablesWhere, type Candidate } from './tracking-candidates.ts';

/** The table of a tool that dbops does not support, which records migrations of this folder. */
export interface UnsupportedTracking {
  name: TrackingTableName;
  tool: string;
  /** How many migrations of the folder it records. */
  count: number;
}

/**
 * Returns the tables in which unsupported tools record migrations of this folder. Some of their
 * folders have no mark: `000001_init.up.sql` is a file of golang-migrate, of sqlx, and of dbops.
 */
export async function findUnsupported(
  session: Session,
  folder: Folder,
): Promise<UnsupportedTracking[]> {
  const tables = await session.query<Candidate>(candidates);
  const found: UnsupportedTracking[] = [];
  for (const { schema, table, columns } of tables) {
    const present = new Set(columns.split(' '));
    for (const { name: tool, table: own } of unsupportedTools) {
      if (!own || !isTableOf(own, table, present)) continue;
      const count = await countRecorded(session, folder, { schema, table }, own);
      if (count > 0) found.push({ name: { schema, table }, tool, count });
    }
  }
  return found;
}

/** Returns those tables as `schema.table`: no migration creates them. */
export async function unsupportedTables(session: Session, folder: Folder): Promise<string[]> {
  return (await findUnsupported(session, folder)).map(({ name }) => catalogName(name));
}

/** Many tables have the same few columns; a table then must have no others. */
function isTableOf({ name, columns }: ToolTable, table: string, present: Set<string>): boolean {
  if (name !== undefined && name !== table) return false;
  const isCertain = name !== undefined || columns.length >= 4 || columns.length === present.size;
  return isCertain && columns.every((column) => present.has(column));
}

async function countRecorded(
  session: Session,
  { migrations }: Folder,
  name: TrackingTableName,
  { key, where = 'true', isPosition = false }: ToolTable,
): Promise<number> {
  const sql = `SELECT ${quoteIdentifier(key)}::text AS key FROM ${quotedName(name)} WHERE ${where}`;
  // It fails where the columns have other types: the table is not the tool's. A lost connection is reported by the next query.
  const rows = await session.query<{ key: string | null }>(sql).catch(() => []);
  const recorded = new Set(rows.map((row) => normalized(row.key ?? '')));
  const place = migrations.findLastIndex((migration) =>
    keysOf(migration).some((each) => recorded.has(each)),
  );
  if (isPosition) return place + 1;
  return migrations.filter((each) => keysOf(each).some((one) => recorded.has(one))).length;
}

/** Returns the number of a migration, its name, and the name of its file. */
function keysOf({ name, up }: Migration): string[] {
  const number = /^\d+/.exec(name)?.[0];
  return [name, basename(up.file), ...(number ? [normalized(number)] : [])];
}

/** Returns a number without leading zeros, and of a path its last part. */
function normalized(key: string): string {
  return /^\d+$/.test(key) ? String(BigInt(key)) : basename(key);
}

const columnSets = unsupportedTools.flatMap(({ table }) => (table ? [table.columns] : []));

const candidates = tablesWhere(
  columnSets.map((each) => `a.names @> ARRAY[${each.map(quoteLiteral).join(', ')}]`).join(' OR '),
);

/** Returns the findings of `migrate status` about tables of unsupported tools. */
export function findingsOfUnsupported(
  tables: readonly UnsupportedTracking[],
  folder: Folder,
): Finding[] {
  return tables.map((each) => ({
    code: 'unsupported-tool',
    severity: 'error',
    message: `${sentenceOf(each)}; dbops does not support ${each.tool}.`,
    help: nextStep(each, folder),
    where: { object: textOf(each.name) },
    key: `unsupported-tool:${textOf(each.name)}`,
  }));
}

function sentenceOf({ name, tool, count }: UnsupportedTracking): string {
  return `${textOf(name)}, the tracking table of ${tool}, records ${formatCountOf(count, 'migration')} of this folder`;
}

/** @throws usage error when an unsupported tool has run migrations of this folder */
export function assertSupportedTables(
  tables: readonly UnsupportedTracking[],
  folder: Folder,
): void {
  const [first] = tables;
  if (!first) return;
  throw usageError(
    'TRACKING.UNSUPPORTED',
    `The migrations of this folder were run by ${first.tool}, which dbops does not support; nothing was changed.`,
    nextStep(first, folder),
    tables.map((each) => `${sentenceOf(each)}.`),
  );
}

function nextStep({ tool }: UnsupportedTracking, { tracking }: Folder): string {
  return `Continue with ${tool}; or, to move the folder to dbops, record what is applied: dbops migrate baseline ${optionFor(tracking.table)}`;
}

import { lossesBetween, readStorage, type Loss } from '../catalog/losses.ts';
import { inScratchTransaction } from '../catalog/snapshot.ts';
import { quoteLiteral, quoteName } from '../db/quote.ts';
import { toOwnPath, toUserPath, underUserPath } from '../db/search-path.ts';
import { readOnce, type Session } from '../db/session.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { replayOne } from '../shadow/replay.ts';
import { readPlacedAssignment } from '../sql/expression.ts';
import { longestName } from '../sql/name-length.ts';
import type { ObjectName } from '../sql/non-transactional.ts';
import type { ChangedColumn, KeyChange, SortedPieces } from './column-changes.ts';
import { conversionOf, type Conversion } from './conversion.ts';
import { readKey, type KnownKey, type NewKey } from './new-key.ts';
import { readFormerColumn, type FormerColumn } from './read-column.ts';
import { readReplaced, type ReplacedTable } from './read-replaced.ts';
import { temporaryName } from './sync-trigger.ts';
import type { ReplacedColumn, TableReplacement } from './table-replacement.ts';

/** What the changes of a migration replace. */
export interface Replacements {
  tables: TableReplacement[];
  keys: NewKey[];
  /** The columns whose values do not all survive the migration. */
  lossy: ChangedColumn[];
  notes: string[];
}

export interface ReplacementRequest {
  /** Of the database. */
  session: Session;
  /** With the schema that the migration finds; the migration runs in it. */
  shadow: Session;
  format: Format;
  migration: Migration;
  sorted: SortedPieces;
  /** `TABLE.COLUMN = EXPRESSION` of --set. */
  assignments: readonly string[];
  /** The time zone in which the migration converts values. */
  zone: string;
}

/** A column before the migration, and how its values are converted. */
interface Started {
  change: ChangedColumn;
  former: FormerColumn;
  to: string;
  conversion: Conversion;
}

/**
 * Reads what the changes of a migration replace: the old columns, then the migration runs in the shadow, and
 * the new ones are read with all that they have.
 *
 * @throws usage error for a change that dbops does not split; DbopsError when the migration does not run
 */
export async function readReplacements(request: ReplacementRequest): Promise<Replacements> {
  const { shadow, format, migration, sorted } = request;
  const started: Started[] = [];
  for (const change of sorted.columns) started.push(await startOf(request, change));
  const formerKeys = await readKeys(shadow, sorted.keys);
  const before = await readStorage(shadow);
  await replayOne(shadow, migration, format);
  const losses = lossesBetween(before, await readStorage(shadow));
  const lossy = started.filter((each) => losses.some((loss) => isOfColumn(loss, each)));
  return {
    tables: await readTables(shadow, started),
    keys: await newKeys(request, formerKeys),
    lossy: lossy.map(({ change }) => change),
    notes: started.flatMap(({ conversion, change, former }) => [
      ...conversion.notes,
      ...(former.isLast ? [] : [orderNote(change)]),
    ]),
  };
}

/** Returns the primary keys of the tables, in the order of the changes. */
async function readKeys(
  session: Session,
  changes: readonly KeyChange[],
): Promise<(KnownKey | undefined)[]> {
  const keys: (KnownKey | undefined)[] = [];
  for (const { table } of changes) {
    const oid = await oidOf(session, table);
    keys.push(oid === undefined ? undefined : await readKey(session, oid));
  }
  return keys;
}

/** Only the database itself shows whether a table is published. */
async function newKeys(
  { session, shadow, sorted }: ReplacementRequest,
  formerKeys: readonly (KnownKey | undefined)[],
): Promise<NewKey[]> {
  const [next, live] = [await readKeys(shadow, sorted.keys), await readKeys(session, sorted.keys)];
  return sorted.keys.flatMap((change, at) => {
    const [former, key] = [formerKeys[at], next[at]];
    const isPublished = live[at]?.isPublished === true;
    return former && key ? [{ change, former, next: { ...key, isPublished } }] : [];
  });
}

function isOfColumn(loss: Loss, { change, former }: Started): boolean {
  const isOfTable = loss.schema === former.schema && loss.table === former.table;
  return loss.kind === 'column' && isOfTable && loss.column === change.column;
}

function orderNote({ table, final }: ChangedColumn): string {
  return `${table.name}.${final} is the last column afterwards: statements that name no columns, such as INSERT INTO ${table.name} VALUES (…), find another order.`;
}

/**
 * Reads the columns in the database itself: a copy lacks publications, and what the configuration ignores.
 *
 * @throws usage error when something depends on a column that cannot be moved to another one
 */
export async function assertReplaceable(
  session: Session,
  changes: readonly ChangedColumn[],
): Promise<void> {
  for (const change of changes) {
    const oid = await oidOf(session, change.table);
    if (oid !== undefined) await readFormerColumn(session, oid, change);
  }
}

async function startOf(request: ReplacementRequest, change: ChangedColumn): Promise<Started> {
  const { shadow, sorted, zone } = request;
  const oid = await oidOf(shadow, change.table);
  const former = await readFormerColumn(shadow, oid ?? '0', change);
  const to = change.change ? temporaryName(change.column, new Set(former.siblings)) : change.final;
  const given = await givenFor(request, change);
  const conversion = await inScratchTransaction(shadow, async () => {
    // A type that the migration creates first.
    for (const { sql } of sorted.rest)
      if (/^create\s+(?:type|domain|schema|function|extension)\b/i.test(sql))
        await shadow.script(`${toUserPath}; ${sql}; ${toOwnPath(shadow)}`);
    return conversionOf(shadow, { change, former, to, given, zone });
  }).catch(async (error: unknown) => {
    // An error in the migration itself is reported with its place.
    await replayOne(shadow, request.migration, request.format);
    throw error;
  });
  return { change, former, to, conversion };
}

async function oidOf(session: Session, table: ObjectName): Promise<string | undefined> {
  const [row] = await underUserPath<{ oid: string | null }>(
    session,
    `SELECT pg_catalog.to_regclass(${quoteLiteral(quoteName(table))})::pg_catalog.oid::pg_catalog.text AS oid`,
  );
  return row?.oid ?? undefined;
}

/** Returns the time zone in which statements of the role convert values. */
export async function zoneOf(session: Session): Promise<string> {
  const [row] = await readOnce<{ zone: string }>(
    session,
    "SELECT pg_catalog.current_setting('TimeZone') AS zone",
  );
  return row?.zone ?? 'UTC';
}

async function givenFor(
  { assignments }: ReplacementRequest,
  change: ChangedColumn,
): Promise<string | undefined> {
  for (const each of assignments) {
    const placed = await readPlacedAssignment(each, '--set');
    if (isFor(placed, change)) return placed.value;
  }
  return undefined;
}

/** Returns whether an assignment of --set is for the old column of a change. */
export function isFor(
  { schema, table, column }: { schema?: string; table: string; column: string },
  change: ChangedColumn,
): boolean {
  const isTable =
    table === change.table.name && (schema ?? change.table.schema) === change.table.schema;
  return isTable && column === change.column && change.change !== undefined;
}

async function readTables(
  shadow: Session,
  started: readonly Started[],
): Promise<TableReplacement[]> {
  const byTable = [...Map.groupBy(started, ({ former }) => former.oid)];
  const renamed = byTable.map(([oid, columns]) => ({
    oid,
    columns: columns.map(({ change, former, to }) => ({
      number: former.number,
      name: change.final,
      to,
    })),
  }));
  const found = await inScratchTransaction(shadow, () => readReplaced(shadow, renamed));
  // Names are chosen for all tables together: two may be in one schema.
  const taken = new Set(found.flatMap((each) => each.taken));
  return byTable.flatMap(([, columns], at) => {
    const table = found[at];
    return table ? [replacedIn(table, columns, taken)] : [];
  });
}

function replacedIn(
  found: ReplacedTable,
  started: readonly Started[],
  taken: Set<string>,
): TableReplacement {
  const columns = started.flatMap((each): ReplacedColumn[] => {
    const future = found.columns.find(({ number }) => number === each.former.number);
    const label = future?.isNotNull === true ? 'not_null' : 'converted';
    const name = `${each.change.table.name}_${each.to}_${label}`;
    const requirement = taken.has(name) ? temporaryName(name, taken) : shortened(name, taken);
    return future ? [{ ...each, future, requirement }] : [];
  });
  const carried = found.carried.map((each) => ({
    ...each,
    temporary: temporaryName(each.name, taken),
  }));
  return { table: started[0]?.change.table ?? { name: '' }, columns, carried };
}

/** A name that the server would shorten must not become that of another object. */
function shortened(name: string, taken: Set<string>): string {
  if (Buffer.byteLength(name) > longestName) return temporaryName(name, taken);
  taken.add(name);
  return name;
}

import { quoteLiteral, quoteName } from '../../db/quote.ts';
import { toOwnPath, toUserPath } from '../../db/search-path.ts';
import { withSavepoint, type Session } from '../../db/session.ts';
import { equalColumns, plainName, readExpression, readFrom } from '../../sql/expression.ts';
import { monthAround } from '../period.ts';
import { measureOf, periodOf, type Meter, type Usage } from './definition.ts';
import { isSameKey, prepareUsage, type TypesByPlace } from './prepare.ts';

/** An index that a meter lacks. */
export interface MissingIndex {
  meter: string;
  /** Place in the configuration. */
  place: string;
  /** What the meter reads without it. */
  message: string;
  /** SQL; absent where the columns do not show which index would help. */
  statement?: string;
}

/**
 * Returns the indexes without which meters read whole tables. The server is asked whether an index can answer:
 * a planner that may not scan the table uses any index that can. Call it inside a READ ONLY transaction.
 *
 * @throws usage error for an expression that the database rejects
 */
export async function missingMeterIndexes(session: Session, usage: Usage): Promise<MissingIndex[]> {
  const types = await prepareUsage(session, usage);
  const missing: (Omit<MissingIndex, 'statement'> & { index?: Index })[] = [];
  for (const [name, meter] of Object.entries(usage.meters)) {
    const way = wayOf(meter);
    if (!way || (await isIndexed(session, { usage, types }, name))) continue;
    const index = await indexFor(session, meter, way);
    missing.push({
      meter: name,
      place: `usage.meters.${name}`,
      message:
        way === 'subject'
          ? `No index finds the rows of one subject by time: ${meter.from}`
          : `No index finds the rows of a period: ${meter.from}`,
      ...(index && { index }),
    });
  }
  const indexes = missing.flatMap(({ index }) => index ?? []);
  return Promise.all(
    missing.map(async ({ index, ...rest }) => ({
      ...rest,
      ...(index && { statement: await createIndex(sharedOf(index, indexes)) }),
    })),
  );
}

/** Returns one index for all meters that need the same keys, with the columns that each of them reads. */
function sharedOf(index: Index, all: readonly Index[]): Index {
  const keyOf = ({ table, keys }: Index) => JSON.stringify([table.schema, table.name, keys]);
  const same = all.filter((each) => keyOf(each) === keyOf(index));
  return { ...index, included: [...new Set(same.flatMap(({ included }) => included))] };
}

/** How a meter reads its rows: those of a period, or those of each subject. Others read all rows. */
function wayOf(meter: Meter): 'period' | 'subject' | undefined {
  if (meter.at === undefined) return undefined;
  if (measureOf(meter).kind === 'latest') return 'subject';
  const period = periodOf(meter);
  if (period === 'billing') return 'subject';
  return period === 'month' || period === 'day' ? 'period' : undefined;
}

/** A declaration whose expressions have been prepared. */
interface Prepared {
  usage: Usage;
  types: TypesByPlace;
}

/** Returns whether an index finds the rows of a meter; for the latest value, in the order of their times. */
export async function isIndexed(
  session: Session,
  prepared: Prepared,
  name: string,
): Promise<boolean> {
  const meter = prepared.usage.meters[name];
  if (!meter) return false;
  const isLatest = measureOf(meter).kind === 'latest';
  const { conditions, nodes } = await planOf(session, probeOf(prepared, name, meter));
  const isSorted = nodes.some((node) => node.endsWith('Sort'));
  if (nodes.every((node) => !node.includes('Scan'))) return true; // no partition has such rows
  return wayOf(meter) === 'subject'
    ? conditions.some((each) => /InitPlan|\$\d/.test(each)) && !(isLatest && isSorted)
    : conditions.some((each) => each.includes(monthStart(new Date())));
}

/** As the server writes it under DateStyle ISO. */
function monthStart(now: Date): string {
  return monthAround(now).from.toISOString().slice(0, 19).replace('T', ' ');
}

interface Plan {
  nodes: string[];
  /** Conditions that an index answers. */
  conditions: string[];
}

const withoutScans =
  "SET LOCAL DateStyle = 'ISO'; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off";
const withScans =
  'SET LOCAL DateStyle TO DEFAULT; SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL enable_sort TO DEFAULT; SET LOCAL enable_incremental_sort TO DEFAULT';

async function planOf(session: Session, probe: string): Promise<Plan> {
  const rows = await withSavepoint(session, async () => {
    await session.script(`${toUserPath}; ${withoutScans}`);
    const found = await session.query<{ 'QUERY PLAN': unknown }>(`EXPLAIN (FORMAT JSON) ${probe}`);
    await session.script(`${withScans}; ${toOwnPath(session)}`);
    return found;
  });
  const plan: Plan = { nodes: [], conditions: [] };
  collect(rows[0]?.['QUERY PLAN'], plan);
  return plan;
}

/** Returns a query of what the meter reads: the rows of this month, or the last row of one subject. */
function probeOf({ usage, types }: Prepared, name: string, meter: Meter): string {
  const { from, subject, at = '', where } = meter;
  const { from: start, to } = monthAround(new Date());
  const bound = (operator: string, date: Date) =>
    `(\n${at}\n) OPERATOR(pg_catalog.${operator}) ${quoteLiteral(date.toISOString())}`;
  const of = where ? [`(\n${where}\n)`] : [];
  if (wayOf(meter) !== 'subject')
    return `SELECT pg_catalog.count(*) FROM ${from}\nWHERE ${[...of, bound('>=', start), bound('<', to)].join(' AND ')}`;
  const isSame = isSameKey(types, name);
  const key = (sql: string) => (isSame ? `(\n${sql}\n)` : `(\n${sql}\n)::pg_catalog.text`);
  const { id, from: subjects } = usage.subjects;
  const own = `${key(subject)} OPERATOR(pg_catalog.=) (SELECT ${key(id)} FROM ${subjects}\nLIMIT 1)`;
  const order = measureOf(meter).kind === 'latest' ? ` ORDER BY (\n${at}\n) DESC LIMIT 1` : '';
  return `SELECT 1 FROM ${from}\nWHERE ${[own, ...of, bound('<', to)].join(' AND ')}${order}`;
}

/** Collects the nodes of a plan, without those of the subquery that finds a subject. */
function collect(value: unknown, plan: Plan): void {
  if (typeof value !== 'object' || value === null) return;
  const fields: Record<string, unknown> = { ...value };
  if (fields['Parent Relationship'] === 'InitPlan') return;
  const { 'Node Type': node, 'Index Cond': condition } = fields;
  if (typeof node === 'string') plan.nodes.push(node);
  if (typeof condition === 'string') plan.conditions.push(condition);
  for (const child of Object.values(fields)) collect(child, plan);
}

interface Table {
  alias: string;
  schema: string;
  name: string;
  kind: string;
  /** Columns, and whether their values are short enough for any index. */
  columns: Map<string, { isShort: boolean }>;
}

interface Index {
  table: Table;
  keys: string[];
  /** Columns that the index holds besides, so that it alone answers a meter. */
  included: string[];
}

/** Returns the index that a meter needs, where the columns of the meter are those of one table. */
async function indexFor(
  session: Session,
  meter: Meter,
  way: 'period' | 'subject',
): Promise<Index | undefined> {
  const tables = await tablesOf(session, meter);
  const at = await columnOf(meter.at ?? '', tables);
  const subject = await columnOf(meter.subject, tables);
  const table = at?.table;
  if (!at || !table || !['r', 'p', 'm'].includes(table.kind)) return undefined;
  const isOwn = subject?.table === table;
  if (way === 'subject' && !isOwn) return undefined;
  const equal = [
    ...(await equalColumns(meter.where ?? 'true', table.alias)),
    ...(await equalColumns(meter.where ?? 'true', undefined)),
  ].filter((column) => table.columns.has(column));
  const keys = [...(way === 'subject' && subject ? [subject.column] : []), ...equal, at.column];
  const included = way === 'period' ? await includedOf(meter, tables, table, keys) : [];
  return { table, keys: [...new Set(keys)], included };
}

async function createIndex({ table, keys, included }: Index): Promise<string> {
  const named = async (columns: readonly string[]) =>
    (await Promise.all(columns.map(plainName))).join(', ');
  const include = included.length > 0 ? ` INCLUDE (${await named(included)})` : '';
  // CREATE INDEX CONCURRENTLY does not accept a partitioned table.
  const concurrently = table.kind === 'p' ? '' : ' CONCURRENTLY';
  const name = `${await plainName(table.schema)}.${await plainName(table.name)}`;
  return `CREATE INDEX${concurrently} ON ${name} (${await named(keys)})${include}`;
}

/** Returns what else the meter reads of the table, so that the index alone answers it; nothing where it cannot. */
async function includedOf(
  meter: Meter,
  tables: readonly Table[],
  table: Table,
  keys: readonly string[],
): Promise<string[]> {
  const texts = [meter.subject, meter.where ?? 'true', measureOf(meter).sql ?? 'true'];
  const read = await Promise.all(texts.map((sql) => readExpression(sql, 'a meter')));
  const columns = read.flatMap((each) => each.columns);
  const own = columns.map(({ table: alias, column }) =>
    tables.find((each) => (!alias || each.alias === alias) && each.columns.has(column)) === table
      ? column
      : undefined,
  );
  const names = [...new Set(own)].filter((column) => column !== undefined);
  const further = names.filter((column) => !keys.includes(column));
  const isWhole = own.every((column) => column !== undefined) && tables.length === 1;
  return isWhole && further.every((column) => table.columns.get(column)?.isShort) ? further : [];
}

/** Returns the column that an expression is, and its table; nothing for any other expression. */
async function columnOf(
  sql: string,
  tables: readonly Table[],
): Promise<{ table: Table; column: string } | undefined> {
  const { columns, functions } = await readExpression(sql, 'a meter');
  const [only, another] = columns;
  if (!only || another || functions.length > 0 || !/^[\w$."\u0080-\uffff]+$/.test(sql))
    return undefined;
  const table = tables.find(
    (each) => (!only.table || each.alias === only.table) && each.columns.has(only.column),
  );
  return table && { table, column: only.column };
}

/** The names resolve under the path of the role. Values of other types than these may be too long for an index. */
async function tablesOf(session: Session, { from, subject }: Meter): Promise<Table[]> {
  const references = await readFrom(from, subject);
  const rows = await withSavepoint(session, async () => {
    await session.script(toUserPath);
    const found = await session.query<TableRow>(tablesSql, [
      references.map((reference) => quoteName(reference)),
    ]);
    await session.script(toOwnPath(session));
    return found;
  });
  return rows.map(({ at, schema, name, kind, columns, short }) => ({
    alias: references[Number(at) - 1]?.alias ?? name,
    schema,
    name,
    kind,
    columns: new Map(columns.map((column, index) => [column, { isShort: short[index] === true }])),
  }));
}

interface TableRow {
  at: bigint;
  schema: string;
  name: string;
  kind: string;
  columns: string[];
  short: boolean[];
}

const tablesSql = `
  SELECT given.at, n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name, c.relkind::pg_catalog.text AS kind,
         pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attnum) AS columns,
         pg_catalog.array_agg(a.attlen OPERATOR(pg_catalog.>) 0 OR a.atttypid OPERATOR(pg_catalog.=) 1700 ORDER BY a.attnum) AS short
    FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[])) WITH ORDINALITY AS given (name, at)
    JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(given.name)
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
   GROUP BY 1, 2, 3, 4 ORDER BY 1`;

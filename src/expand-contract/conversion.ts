import type { Node } from 'libpg-query';
import { codeOf } from '../db/connection-error.ts';
import { quoteIdentifier as q, quoteLiteral, quoteName } from '../db/quote.ts';
import { toOwnPath, toUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { messageOf, usageError } from '../errors.ts';
import { plainName, readExpression } from '../sql/expression.ts';
import { parse } from '../sql/statements.ts';
import type { ChangedColumn } from './column-changes.ts';
import { namesOf } from './backfills.ts';
import type { FormerColumn } from './read-column.ts';

/** How the values of the old column become those of the new one, and back. */
export interface Conversion {
  /** The old column in SQL. */
  column: string;
  /** SQL of the new value, from the old column; names are qualified. */
  forth: string;
  /** SQL of the old value, from the new column. */
  back: string;
  /** Whether a conversion may fail for a value. */
  mayFail: boolean;
  /** Whether the new value may be NULL where the old one is not. */
  mayBeNull: boolean;
  /** What a person should know. */
  notes: string[];
}

export interface ConversionRequest {
  change: ChangedColumn;
  former: FormerColumn;
  /** The name of the new column. */
  to: string;
  /** SQL of the old value, given with --set. */
  given: string | undefined;
  /** The time zone in which the migration would convert values. */
  zone: string;
}

/**
 * Returns the conversion of a column.
 *
 * @param shadow in a scratch transaction, before the migration
 * @throws usage error for a conversion that depends on settings of a session, or that dbops cannot reverse
 */
export async function conversionOf(
  shadow: Session,
  request: ConversionRequest,
): Promise<Conversion> {
  const { change, former, to } = request;
  const [old, next] = [await plainName(change.column), await plainName(to)];
  if (!change.change)
    return { column: old, forth: old, back: next, mayFail: false, mayBeNull: false, notes: [] };
  const { using } = change.change;
  const target = await targetOf(shadow, request);
  const zoned =
    using === undefined ? inZone(former.plainType, target.type, request.zone) : undefined;
  const value = using ?? zoned?.forth(old) ?? old;
  const read = await readValue(shadow, request, value);
  const notes = zoned
    ? [
        `${change.table.name}.${change.column} is converted in the time zone ${request.zone}, that of this connection. For another one, write USING … AT TIME ZONE in the migration.`,
      ]
    : [];
  if (!zoned && target.isTime) await assertImmutable(shadow, request, `(${value})::${target.type}`);
  return {
    column: old,
    forth: read.sql,
    back: await backOf(shadow, request, zoned?.back(next)),
    mayFail: true,
    mayBeNull: using !== undefined && (await canBeNull(using)),
    notes,
  };
}

/** A cast between these types depends on the time zone of the session. */
function inZone(from: string, to: string, name: string) {
  const zone = `AT TIME ZONE ${quoteLiteral(name)}`;
  const [plain, zoned] = ['timestamp without time zone', 'timestamp with time zone'];
  const forms: Record<string, [(sql: string) => string, (sql: string) => string]> = {
    [`${plain} ${zoned}`]: [(sql) => `${sql} ${zone}`, (sql) => `${sql} ${zone}`],
    [`${zoned} ${plain}`]: [(sql) => `${sql} ${zone}`, (sql) => `${sql} ${zone}`],
    [`date ${zoned}`]: [(sql) => `${sql}::${plain} ${zone}`, (sql) => `(${sql} ${zone})::date`],
    [`${zoned} date`]: [(sql) => `(${sql} ${zone})::date`, (sql) => `${sql}::${plain} ${zone}`],
  };
  const [forth, back] = forms[`${from} ${to}`] ?? [];
  return forth && back && { forth, back };
}

/** The category of date and time types; the conversions of arrays and ranges of them depend on settings too. */
const isTime = (oid: string) => `EXISTS (WITH RECURSIVE part (id) AS (
    SELECT ${oid} UNION
    SELECT v.next FROM part p JOIN pg_type t ON t.oid = p.id
      CROSS JOIN LATERAL (VALUES (t.typelem), (t.typbasetype),
        ((SELECT rngsubtype FROM pg_range WHERE t.oid IN (rngtypid, rngmultitypid)))) v (next) WHERE v.next <> 0)
  SELECT FROM part JOIN pg_type t ON t.oid = part.id WHERE t.typcategory IN ('D', 'T'))`;

/** Returns the new type without a length, and whether either type holds dates or times. */
async function targetOf(shadow: Session, { change, former, to }: ConversionRequest) {
  const { type = '' } = change.change ?? {};
  await userScript(shadow, `ALTER TABLE ${tableOf(former)} ADD COLUMN ${q(to)} ${type}`);
  const [row] = await shadow.query<{ type: string; isTime: boolean }>(
    `SELECT format_type(a.atttypid, NULL) AS type, ${isTime('a.atttypid')} OR ${isTime('o.atttypid')} AS "isTime"
       FROM pg_attribute a JOIN pg_attribute o ON o.attrelid = a.attrelid AND o.attnum = $3
      WHERE a.attrelid = $1::oid AND a.attname = $2`,
    [former.oid, to, former.number],
  );
  return row ?? { type: '', isTime: false };
}

function tableOf({ schema, table }: FormerColumn): string {
  return quoteName({ schema, name: table });
}

/** The SQL of a migration has the names of its search path. */
async function userScript(shadow: Session, sql: string): Promise<void> {
  await shadow.script(`${toUserPath}; ${sql}; ${toOwnPath(shadow)}`);
}

/** Returns an expression as the server reads it, with every name qualified. */
async function readValue(
  shadow: Session,
  { change, former }: ConversionRequest,
  value: string,
): Promise<{ sql: string }> {
  const alter = `ALTER TABLE ${tableOf(former)}`;
  await userScript(shadow, `${alter} ADD CONSTRAINT dbops_value CHECK ((${value}\n) IS NOT NULL)`);
  const [row] = await shadow.query<{ text: string; columns: number[] | null }>(
    `SELECT pg_get_expr(conbin, conrelid) AS text, conkey AS columns
       FROM pg_constraint WHERE conrelid = $1::oid AND conname = 'dbops_value'`,
    [former.oid],
  );
  const { functions } = await readExpression(value, 'USING');
  const volatile = await shadow.query(
    "SELECT FROM pg_proc WHERE proname = ANY($1) AND provolatile = 'v' LIMIT 1",
    [functions],
  );
  const name = `${change.table.name}.${change.column}`;
  if (row?.columns?.some((column) => column !== former.number) !== false)
    throw unsupported(`The USING expression of ${name} reads other columns, or none`, byExpression);
  if (volatile.length > 0)
    throw unsupported(
      `The USING expression of ${name} returns a different value every time`,
      byExpression,
    );
  return { sql: row.text.replace(/^\((.*) IS NOT NULL\)$/s, '$1') };
}

/** A value must not change with the settings of the session that writes the row. */
async function assertImmutable(
  shadow: Session,
  { change, former }: ConversionRequest,
  value: string,
): Promise<void> {
  await shadow.script('SAVEPOINT dbops_immutable');
  try {
    await userScript(shadow, `CREATE INDEX ON ${tableOf(former)} ((${value}))`);
  } catch (error) {
    // What is wrong with the migration itself is reported when it runs.
    if (codeOf(error) !== sqlstate.invalidObjectDefinition) return;
    throw unsupported(
      `The conversion of ${change.table.name}.${change.column} depends on TimeZone or DateStyle of the session that writes a row`,
      `Write it with fixed settings, such as USING ${await plainName(change.column)} AT TIME ZONE 'UTC', or apply the migration unchanged.`,
    );
  } finally {
    await shadow.script('ROLLBACK TO SAVEPOINT dbops_immutable');
  }
}

/** @param zoned SQL that reverses a conversion in a time zone */
async function backOf(
  shadow: Session,
  { change, former, to, given }: ConversionRequest,
  zoned: string | undefined,
): Promise<string> {
  const next = await plainName(to);
  const derived = zoned ?? (await reversed(change.change?.using, next, former.castType));
  const value = given ?? derived;
  const [name = ''] = await namesOf([{ table: change.table, name: change.column }]);
  if (value === undefined) throw notReversible(change, name, next);
  const alter = `ALTER TABLE ${tableOf(former)}`;
  await shadow.script('SAVEPOINT dbops_back');
  try {
    await userScript(
      shadow,
      `${alter} ADD CONSTRAINT dbops_back CHECK ((${value}\n)::${former.castType} IS NOT NULL)`,
    );
    const [row] = await shadow.query<{ text: string }>(
      `SELECT pg_get_expr(conbin, conrelid) AS text FROM pg_constraint WHERE conrelid = $1::oid AND conname = 'dbops_back'`,
      [former.oid],
    );
    return (row?.text ?? '').replace(/^\((.*) IS NOT NULL\)$/s, '$1');
  } catch (error) {
    if (!codeOf(error).startsWith('42')) throw error;
    if (given === undefined) throw notReversible(change, name, next);
    throw usageError(
      'EXPAND.SET',
      `--set gives no value for ${name}: ${messageOf(error)}.`,
      `Give the old value as an expression of ${next}.`,
    );
  } finally {
    await shadow.script('ROLLBACK TO SAVEPOINT dbops_back');
  }
}

function notReversible({ change }: ChangedColumn, name: string, next: string) {
  return usageError(
    'EXPAND.NOT_REVERSIBLE',
    `No value is known for ${name} when the application writes the new column ${next}; no file was written.`,
    `Give the old value as an expression of ${next}, which is ${change?.type ?? ''}, and run the command again.`,
    [`--set '${name} = EXPRESSION'`],
  );
}

/** Returns the reverse of a cast, of casts through text, and of AT TIME ZONE; undefined for anything else. */
async function reversed(
  using: string | undefined,
  next: string,
  type: string,
): Promise<string | undefined> {
  if (using === undefined) return `${next}::${type}`;
  const node = await expressionIn(using);
  const casts = castsOf(node);
  if (casts === 1) return `${next}::${type}`;
  if (casts !== undefined && casts > 1) return `${next}::text::${type}`;
  if (!node || !('FuncCall' in node)) return undefined;
  const { funcname = [], args: [zone, value] = [] } = node.FuncCall;
  const isZone = JSON.stringify(funcname).includes('"timezone"');
  const isPlain = value && castsOf(value) === 0 && zone && 'A_Const' in zone;
  if (!isZone || !isPlain || !zone.A_Const.sval) return undefined;
  return `${next} AT TIME ZONE ${quoteLiteral(zone.A_Const.sval.sval ?? '')}`;
}

/** Returns how many casts are around a column. */
function castsOf(node: Node | undefined): number | undefined {
  if (node && 'ColumnRef' in node) return 0;
  if (!node || !('TypeCast' in node)) return undefined;
  const inner = castsOf(node.TypeCast.arg);
  return inner === undefined ? undefined : inner + 1;
}

async function expressionIn(sql: string): Promise<Node | undefined> {
  const [{ stmt } = {}] = await parse(`SELECT (\n${sql}\n)`);
  const [target] = stmt && 'SelectStmt' in stmt ? (stmt.SelectStmt.targetList ?? []) : [];
  return target && 'ResTarget' in target ? target.ResTarget.val : undefined;
}

/** Casts and most functions return NULL for NULL only; CASE, NULLIF and operators of JSON need not. */
async function canBeNull(using: string): Promise<boolean> {
  const tree = JSON.stringify(await expressionIn(using));
  return /"(?:CaseExpr|AEXPR_NULLIF|CoalesceExpr|A_Expr|A_Indirection|BoolExpr|NullTest)"/.test(
    tree,
  );
}

const byExpression =
  'Add a column, fill it with dbops backfill run, and drop the old column in a later migration.';

function unsupported(what: string, hint: string) {
  return usageError('EXPAND.UNSUPPORTED', `${what}; no file was written.`, hint);
}

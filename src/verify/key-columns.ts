import { quoteIdentifier as q, quoteName } from '../db/quote.ts';
import { byName, isOfTeam } from './catalogue-sql.ts';
import type { CheckInput, Problem } from './definition.ts';
import { oncePerInput } from './once.ts';
import type { RowReader } from './read-rows.ts';
import { tableIndexes } from './table-indexes.ts';

/** An integer column that a sequence fills, or which is a primary key. */
export interface IntegerKey {
  schema: string;
  table: string;
  tableOid: number;
  column: string;
  attnum: number;
  type: IntegerType;
  /** Whether it alone is the primary key, and no foreign key. */
  isOwnKey: boolean;
  /** Whether the role may read all rows of the column. */
  isReadable: boolean;
  /** Whether a subscription of logical replication writes the table. */
  isSubscribed: boolean;
  sequence: Sequence | null;
}

export type IntegerType = 'int2' | 'int4' | 'int8';

/** Numbers are text: they exceed what JSON numbers hold. */
interface Sequence {
  schema: string;
  name: string;
  increment: string;
  start: string;
  max: string;
  doesCycle: boolean;
  isReadable: boolean;
  /** The last value that it returned; null: none since it was created or set. */
  last: string | null;
}

/**
 * The sequence of a column is that of its identity, or the one of a default that is nextval() alone (function
 * 1574, with a cast to integer, 480, or to smallint, 714): pg_get_expr() would wait for a table that another
 * session has locked. Partitions have the columns of their partitioned table.
 */
const sql = `WITH sequences AS (
    SELECT d.refobjid AS relation, d.refobjsubid AS attnum, d.objid AS sequence FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND d.refobjsubid > 0
    UNION SELECT f.adrelid, f.adnum, d.refobjid FROM pg_attrdef f JOIN pg_depend d
        ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
      WHERE d.deptype = 'n' AND f.adbin::text ~ '^[{]FUNCEXPR :funcid ((480|714) :[^{}]*:args [(][{]FUNCEXPR :funcid )?1574 '),
    subscribed AS (SELECT srrelid FROM pg_subscription_rel)
  SELECT n.nspname AS schema, c.relname AS table, c.oid AS "tableOid", a.attname AS column, a.attnum,
    t.typname AS type, x.indrelid IS NOT NULL AND NOT EXISTS (SELECT FROM pg_constraint o
      WHERE o.conrelid = c.oid AND o.contype = 'f' AND a.attnum = ANY (o.conkey)) AS "isOwnKey",
    has_column_privilege(c.oid, a.attnum, 'SELECT') AND NOT row_security_active(c.oid) AS "isReadable",
    c.oid IN (TABLE subscribed) AS "isSubscribed",
    CASE WHEN s.oid IS NOT NULL THEN json_build_object('schema', sn.nspname, 'name', s.relname,
      'increment', v.seqincrement::text, 'start', v.seqstart::text, 'max', v.seqmax::text, 'doesCycle', v.seqcycle,
      'isReadable', p.may, 'last', CASE WHEN p.may THEN pg_sequence_last_value(s.oid)::text END) END AS sequence
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid AND t.typname IN ('int2', 'int4', 'int8') AND t.typnamespace = 'pg_catalog'::regnamespace
    LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary AND x.indnkeyatts = 1 AND x.indkey[0] = a.attnum
    LEFT JOIN sequences r ON r.relation = c.oid AND r.attnum = a.attnum
    LEFT JOIN pg_sequence v ON v.seqrelid = r.sequence LEFT JOIN pg_class s ON s.oid = v.seqrelid
    LEFT JOIN pg_namespace sn ON sn.oid = s.relnamespace
    CROSS JOIN LATERAL (SELECT has_sequence_privilege(s.oid, 'USAGE, SELECT')
      AND NOT (s.relpersistence = 'u' AND pg_is_in_recovery()) AS may) p
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND (s.oid IS NOT NULL OR x.indrelid IS NOT NULL) AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname', 'a.attname')}`;

export const keyColumns = oncePerInput(({ session }: CheckInput): Promise<IntegerKey[]> =>
  session.query<IntegerKey & Record<string, unknown>>(sql),
);

/** What was read of columns. */
export interface HighestValues {
  /** The highest value of each column that was read; undefined: the table is empty. */
  values: Map<IntegerKey, bigint | undefined>;
  failures: Map<IntegerKey, string>;
}

/** Columns that one statement reads. */
const batchSize = 100;

/** Milliseconds for one statement: each column is read from an end of an index. */
const limit = 5_000;

/** Values that an earlier check of the same run has read. */
const earlier = new WeakMap<IntegerKey, { value: bigint | undefined }>();

/** Reads the highest value of each column; one that cannot be read does not prevent the others. */
export async function highestValues(
  input: CheckInput,
  reader: RowReader,
  wanted: readonly IntegerKey[],
): Promise<HighestValues> {
  const indexed = await indexedColumns(input);
  const found: HighestValues = { values: new Map(), failures: new Map() };
  const fail = (column: IntegerKey, reason: string) => void found.failures.set(column, reason);
  const readable = wanted.filter((column) => {
    if (!column.isReadable) fail(column, 'the role may not read all of its rows');
    else if (!indexed.has(placeOf(column))) fail(column, 'no index begins with the column');
    return !found.failures.has(column);
  });
  const readAll = async (columns: readonly IntegerKey[]): Promise<void> => {
    if (columns.length === 0) return;
    const answer = await reader.read<{ at: number; value: string | null }>(
      readingOf(columns),
      limit,
    );
    if ('rows' in answer) {
      for (const { at, value } of answer.rows) {
        const column = columns[at];
        if (!column) continue;
        earlier.set(column, { value: value === null ? undefined : BigInt(value) });
        found.values.set(column, earlier.get(column)?.value);
      }
      return;
    }
    const [only] = columns;
    if (columns.length === 1 && only) return fail(only, answer.failure);
    const half = Math.ceil(columns.length / 2);
    await readAll(columns.slice(0, half));
    await readAll(columns.slice(half));
  };
  const unread = readable.filter((column) => {
    const known = earlier.get(column);
    if (known) found.values.set(column, known.value);
    return !known;
  });
  for (let at = 0; at < unread.length; at += batchSize)
    await readAll(unread.slice(at, at + batchSize));
  return found;
}

function readingOf(columns: readonly IntegerKey[]): string {
  return columns
    .map(
      (each, at) =>
        `SELECT ${at} AS at, (SELECT max(${q(each.column)}) FROM ${tableOf(each)})::text AS value`,
    )
    .join(' UNION ALL ');
}

export function tableOf({ schema, table }: IntegerKey): string {
  return quoteName({ schema, name: table });
}

function placeOf({ tableOid, attnum }: IntegerKey): string {
  return `${tableOid} ${attnum}`;
}

/** Returns the columns with which an index begins that has all rows in order. */
async function indexedColumns(input: CheckInput): Promise<Set<string>> {
  const indexes = await tableIndexes(input);
  return new Set(
    indexes
      .filter(
        ({ method, isUsable, predicate }) => method === 'btree' && isUsable && predicate === null,
      )
      .map(({ tableOid, columns }) => `${tableOid} ${columns[0]}`),
  );
}

/** Returns one problem for all columns that could not be read, or none. */
export function unreadProblems(
  check: string,
  failures: ReadonlyMap<IntegerKey, string>,
): Problem[] {
  const byReason = Map.groupBy([...failures], ([, reason]) => reason);
  return [...byReason].map(([reason, columns]) => {
    const names = columns.map(([{ schema, table, column }]) => `${schema}.${table}.${column}`);
    const listed = names.length > 10 ? [...names.slice(0, 10), `${names.length - 10} more`] : names;
    return {
      object: { kind: 'check', schema: '', parent: '', name: check },
      part: reason,
      isNotChecked: true as const,
      message: `${check} did not check ${listed.join(', ')}: ${reason}`,
      help: 'Connect as a role that may read these tables, or create an index that begins with the column.',
    };
  });
}

import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { formatCount } from '../../output/number.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check, CheckInput, Problem } from '../definition.ts';
import {
  highestValues,
  keyColumns,
  tableOf,
  unreadProblems,
  type HighestValues,
  type IntegerType,
  type IntegerKey,
} from '../key-columns.ts';
import { rowReader } from '../read-rows.ts';

const types: Readonly<Record<IntegerType, { name: string; max: bigint }>> = {
  int2: { name: 'smallint', max: 2n ** 15n - 1n },
  int4: { name: 'integer', max: 2n ** 31n - 1n },
  int8: { name: 'bigint', max: 2n ** 63n - 1n },
};

/** Foreign keys whose column is narrower than the one that it refers to. */
const narrowSql = `SELECT n.nspname AS schema, c.relname AS parent, o.conname AS name, a.attname AS column,
    t.typname AS type, o.confrelid AS "targetOid", k.target AS "targetAttnum"
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL unnest(o.conkey, o.confkey) k (own, target)
    JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.own
    JOIN pg_attribute b ON b.attrelid = o.confrelid AND b.attnum = k.target
    JOIN pg_type t ON t.oid = a.atttypid
  WHERE o.contype = 'f' AND o.conparentid = 0 AND a.atttypid IN ('int2'::regtype, 'int4'::regtype)
    AND b.atttypid IN ('int4'::regtype, 'int8'::regtype) AND b.attlen > a.attlen AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname', 'o.conname')}, k.own`;

interface NarrowKey extends Record<'schema' | 'parent' | 'name' | 'column', string> {
  type: IntegerType;
  targetOid: number;
  targetAttnum: number;
}

/** A value, and of how many it is one. */
interface Use {
  value: bigint;
  limit: bigint;
  percent: number;
  severity: 'error' | 'warning';
}

function useOf(
  value: bigint,
  limit: bigint,
  { thresholds: { keyWarning, keyError } }: CheckInput,
): Use | undefined {
  const percent = Number((value * 1_000n) / limit) / 10;
  if (percent < keyWarning) return undefined;
  return { value, limit, percent, severity: percent >= keyError ? 'error' : 'warning' };
}

function shown({ value, limit, percent }: Use): string {
  return `${Math.floor(percent)} % (${formatCount(value)} of ${formatCount(limit)})`;
}

/** Returns the highest value that was read of a column, or that its sequence returned. */
function highestOf(column: IntegerKey, { values }: HighestValues): bigint {
  const last = column.sequence?.last;
  const known = [values.get(column) ?? 0n, last == null ? 0n : BigInt(last)];
  return known.reduce((a, b) => (a > b ? a : b));
}

/** A value that no sequence returned may be an exception among the rows: it is a warning at most. */
function columnProblems(column: IntegerKey, read: HighestValues, input: CheckInput): Problem[] {
  const { schema, table, column: name, type, sequence } = column;
  const ofType = types[type];
  const ofSequence = sequence ? BigInt(sequence.max) : ofType.max;
  const isSequence = ofSequence < ofType.max;
  const limit = isSequence ? ofSequence : ofType.max;
  const use = useOf(highestOf(column, read), limit, input);
  if (!use) return [];
  const counted = sequence?.last == null ? undefined : useOf(BigInt(sequence.last), limit, input);
  const object = { kind: 'column', schema, parent: table, name };
  const of = sequence ? objectName({ kind: 'sequence', parent: '', ...sequence }) : '';
  return [
    {
      object,
      severity: counted?.severity ?? 'warning',
      message: `${objectName(object)} has used ${shown(use)} of the values of ${isSequence ? `its sequence ${of}` : ofType.name}; an INSERT beyond the last one fails.`,
      ...(isSequence && sequence
        ? sequenceCure(sequence, type)
        : {
            help: `Change it to bigint: add a bigint column, fill it (dbops backfill), and exchange the two. ALTER COLUMN ${name} TYPE bigint rewrites ${tableOf(column)} and locks it meanwhile. Columns that refer to it need the same.`,
          }),
    },
  ];
}

/** A sequence keeps the limit of its former type when its column is changed to bigint; another limit is a decision. */
function sequenceCure(
  sequence: NonNullable<IntegerKey['sequence']>,
  type: IntegerType,
): Pick<Problem, 'help' | 'fix'> {
  const name = quoteName(sequence);
  const isOfNarrowType = [types.int2.max, types.int4.max].includes(BigInt(sequence.max));
  return isOfNarrowType
    ? {
        help: 'Give the sequence the type of its column',
        fix: `ALTER SEQUENCE ${name} AS ${types[type].name} NO MAXVALUE;`,
      }
    : { help: `Raise the limit of the sequence: ALTER SEQUENCE ${name} NO MAXVALUE;` };
}

function narrowProblems(
  key: NarrowKey,
  target: IntegerKey,
  read: HighestValues,
  input: CheckInput,
): Problem[] {
  const { schema, parent, name, column, type } = key;
  const use = useOf(highestOf(target, read), types[type].max, input);
  if (!use) return [];
  const object = { kind: 'constraint', schema, parent, name };
  const of = `${target.schema}.${target.table}.${target.column}`;
  return [
    {
      object,
      part: column,
      severity: use.severity,
      message: `${column} of the foreign key ${objectName(object)} is ${types[type].name}, and ${of}, to which it refers, is ${types[target.type].name} and has reached ${shown(use)} of what it holds.`,
      help: `Change ${column} to ${types[target.type].name}, as a migration in steps: a new column, a backfill, an exchange.`,
    },
  ];
}

export const keyOverflow: Check = {
  name: 'key-overflow',
  group: 'integrity',
  severity: 'warning',
  isStatic: false,
  summary: 'No integer key has used most of its values.',
  harm: 'When the last value of an integer or smallint key is used, every INSERT fails, and the change to bigint of a large table takes hours.',
  cure: 'Change the key and the columns that refer to it to bigint while there is time: a new column, a backfill, an exchange. Where only the sequence is limited, raise its limit.',
  example: `CREATE TABLE orders (id serial PRIMARY KEY);
SELECT setval('orders_id_seq', 2000000000);`,
  limits:
    'Columns with a sequence, and primary keys of one column that are not foreign keys. From thresholds.keyWarning (70 %) it is a warning, from keyError (90 %) an error if a sequence has reached it; a value that no sequence returned is a warning. A foreign key column that is narrower than its key is measured by the values of the key. Sequences that CYCLE or count down are not measured. Values of columns are read only where an index begins with them.',
  async find(input) {
    const reader = rowReader(input.session);
    const narrow = await input.session.query<NarrowKey & Record<string, unknown>>(narrowSql);
    const targets = new Set(
      narrow.map(({ targetOid, targetAttnum }) => `${targetOid} ${targetAttnum}`),
    );
    const placeOf = ({ tableOid, attnum }: IntegerKey) => `${tableOid} ${attnum}`;
    const columns = (await keyColumns(input)).filter(
      ({ sequence }) => !sequence || countsUp(sequence),
    );
    const own = columns.filter(
      (column) => (column.isOwnKey || column.sequence) && !isUnlimited(column),
    );
    const read = await highestValues(
      input,
      reader,
      columns.filter((column) => targets.has(placeOf(column)) || own.includes(column)),
    );
    const byPlace = new Map(columns.map((column) => [placeOf(column), column]));
    return [
      ...own.flatMap((column) => columnProblems(column, read, input)),
      ...narrow.flatMap((key) => {
        const target = byPlace.get(`${key.targetOid} ${key.targetAttnum}`);
        return target ? narrowProblems(key, target, read, input) : [];
      }),
      ...unreadProblems('key-overflow', withoutSequence(read.failures)),
    ];
  },
};

function countsUp({ doesCycle, increment }: NonNullable<IntegerKey['sequence']>): boolean {
  return !doesCycle && BigInt(increment) > 0n;
}

/** A bigint key outlasts its application. */
function isUnlimited({ type, sequence }: IntegerKey): boolean {
  return type === 'int8' && (sequence === null || BigInt(sequence.max) === types.int8.max);
}

/** The sequence of a column is sufficient where the column cannot be read. */
function withoutSequence(failures: HighestValues['failures']): HighestValues['failures'] {
  return new Map([...failures].filter(([{ sequence }]) => !sequence?.isReadable));
}

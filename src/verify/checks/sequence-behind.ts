import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteLiteral, quoteName } from '../../db/quote.ts';
import { formatCount } from '../../output/number.ts';
import type { Check, Problem } from '../definition.ts';
import {
  highestValues,
  keyColumns,
  tableOf,
  unreadProblems,
  type IntegerKey,
} from '../key-columns.ts';
import { rowReader, type RowReader } from '../read-rows.ts';

type Sequence = NonNullable<IntegerKey['sequence']>;
type Filled = IntegerKey & { sequence: Sequence };

/** INSERTs within which a collision is an error; later ones are a warning. */
const soon = 1_000n;

/** Milliseconds for one table. */
const limit = 5_000;

function isFilled(column: IntegerKey): column is Filled {
  const { sequence } = column;
  return sequence !== null && !sequence.doesCycle && BigInt(sequence.increment) > 0n;
}

function nextOf({ last, start, increment }: Sequence): bigint {
  return last === null ? BigInt(start) : BigInt(last) + BigInt(increment);
}

/** `setval(…, false)` sets the next value of a sequence, which only the sequence itself shows. */
async function exactNextOf(reader: RowReader, { sequence }: Filled): Promise<bigint> {
  if (sequence.last !== null) return nextOf(sequence);
  const answer = await reader.read<{ next: string }>(
    `SELECT last_value::text AS next FROM ${quoteName(sequence)} WHERE NOT is_called`,
    limit,
  );
  const next = 'rows' in answer ? answer.rows[0]?.next : undefined;
  return next === undefined ? nextOf(sequence) : BigInt(next);
}

/** Returns the lowest value of the column that the sequence has still to return. */
async function collisionOf(
  reader: RowReader,
  column: Filled,
  next: bigint,
): Promise<bigint | undefined> {
  const answer = await reader.read<{ value: string | null }>(
    `SELECT min(${q(column.column)})::text AS value FROM ${tableOf(column)} WHERE ${q(column.column)} >= ${next}`,
    limit,
  );
  const value = 'rows' in answer ? answer.rows[0]?.value : undefined;
  return value == null ? undefined : BigInt(value);
}

function problemOf(column: Filled, next: bigint, collision: bigint, highest: bigint): Problem {
  const { schema, table, column: name, sequence, isSubscribed } = column;
  const object = { kind: 'column', schema, parent: table, name };
  const inserts = (collision - next) / BigInt(sequence.increment) + 1n;
  const isSoon = inserts <= soon;
  const of = objectName({ kind: 'sequence', parent: '', ...sequence });
  const severity = isSubscribed ? 'info' : isSoon ? 'error' : 'warning';
  const literal = quoteLiteral(quoteName(sequence));
  const fix = `SELECT setval(${literal}, greatest((SELECT max(${q(name)}) FROM ${tableOf(column)}), nextval(${literal})));`;
  const when =
    inserts === 1n ? 'the next INSERT' : `INSERT number ${formatCount(inserts)} from now`;
  return {
    object,
    severity,
    message: `The sequence ${of} is behind ${objectName(object)}: it returns ${formatCount(next)} next, and the column has values up to ${formatCount(highest)}; ${when} repeats a value${isSubscribed ? '. A subscription writes the table and does not replicate sequences' : ''}.`,
    ...(isSoon && !isSubscribed
      ? { help: 'Set it to the highest value', fix }
      : { help: `Set it to the highest value before the application inserts that many: ${fix}` }),
  };
}

export const sequenceBehind: Check = {
  name: 'sequence-behind',
  group: 'integrity',
  severity: 'error',
  isStatic: false,
  summary: 'Every sequence is ahead of the highest value of the column that it fills.',
  harm: 'An INSERT gets a value that a row already has, and fails with a unique violation; each attempt advances the sequence by one, so that it happens again. It follows from a restore or an import with explicit values.',
  cure: 'Set the sequence to the highest value of its column with setval().',
  example: `CREATE TABLE orders (id bigserial PRIMARY KEY);
INSERT INTO orders (id) VALUES (1), (2), (3);`,
  limits:
    'Columns whose default is nextval() alone, and identity columns; the highest value is read only where an index begins with the column. A collision within 1,000 values is an error, a later one a warning. A table that a subscription writes is info, because logical replication does not replicate sequences. Sequences that count down or CYCLE are not checked.',
  async find(input) {
    const reader = rowReader(input.session);
    const filled = (await keyColumns(input)).filter(isFilled);
    const { values, failures } = await highestValues(input, reader, filled);
    const problems: Problem[] = [];
    for (const column of filled) {
      const highest = values.get(column);
      if (!column.sequence.isReadable) failures.set(column, 'the role may not read the sequence');
      else if (highest !== undefined && highest >= nextOf(column.sequence)) {
        const next = await exactNextOf(reader, column);
        const collision = await collisionOf(reader, column, next);
        if (collision !== undefined) problems.push(problemOf(column, next, collision, highest));
      }
    }
    return [...problems, ...unreadProblems('sequence-behind', failures)];
  },
};

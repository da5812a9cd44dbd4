import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { formatCountOf } from '../../output/number.ts';
import type { Check, CheckInput, Problem } from '../definition.ts';
import {
  foreignKeys,
  indexesOfKeys,
  partialIndexOf,
  type ReferencingKey,
} from '../foreign-keys.ts';

/** Returns the rows of a table; of a partitioned table those of its partitions. */
function rowsOf(key: ReferencingKey, partsOf: ReadonlyMap<number, ReferencingKey[]>): number {
  if (key.isPartitioned)
    return (partsOf.get(key.oid) ?? []).reduce((sum, part) => sum + rowsOf(part, partsOf), 0);
  return key.rows;
}

async function problemOf(key: ReferencingKey, rows: number, input: CheckInput): Promise<Problem> {
  const { isReplay, thresholds } = input;
  const { schema, table, name, names, target, isPartitioned } = key;
  const object = { kind: 'constraint', schema, parent: table, name };
  const isSmall = !isReplay && rows < thresholds.largeTable;
  const partial = await partialIndexOf(input, key);
  const reads = partial
    ? `finds rows by ${partial.name}, which has only a part of the columns`
    : 'reads the whole table';
  const columns = names.map(q).join(', ');
  const least = formatCountOf(thresholds.largeTable, 'row');
  const index = `CREATE INDEX CONCURRENTLY ON ${quoteName({ schema, name: table })} (${columns});`;
  return {
    object,
    ...((isSmall || partial) && { severity: 'info' }),
    message: `The foreign key ${objectName(object)} has no index on (${names.join(', ')}): a DELETE or a change of the key in ${target} ${reads}.${isSmall ? ` It has fewer than ${least}.` : ''}`,
    ...(isPartitioned
      ? {
          help: `Create the index on each partition (CREATE INDEX CONCURRENTLY) and attach it to one that was created ON ONLY ${quoteName({ schema, name: table })}.`,
        }
      : { help: 'Create an index (does not block writes)', fix: index }),
  };
}

export const fkWithoutIndex: Check = {
  name: 'fk-without-index',
  group: 'indexes',
  severity: 'warning',
  isStatic: true,
  summary: 'Every foreign key of a large table has an index on its columns.',
  harm: 'For each row that is deleted from the referenced table, or whose key changes, the server reads the whole referencing table, and holds locks meanwhile. Joins along the key are slow, too.',
  cure: 'Create an index whose first columns are those of the foreign key, in any order. A partial index WHERE the columns are NOT NULL is sufficient.',
  example: `CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint REFERENCES customers);`,
  limits:
    'An index counts if it is valid, its first columns are those of the key in any order, and it is not partial, or its condition is true whenever the columns are not NULL; a unique index on some of the columns counts, too. A key of several columns with an index on some of them is info, and so is a table with few rows (thresholds.largeTable); a replay of the folder has no rows, so that every table is regarded as large. A key of a partitioned table is reported once. Whether rows are ever deleted from the referenced table is not known.',
  async find(input) {
    const keys = await foreignKeys(input);
    const indexes = await indexesOfKeys(input);
    const partsOf = Map.groupBy(keys, ({ parent }) => parent);
    const uncovered = keys.filter(
      ({ oid, parent }) => parent === 0 && indexes.get(oid)?.length === 0,
    );
    return Promise.all(uncovered.map((key) => problemOf(key, rowsOf(key, partsOf), input)));
  },
};

import { objectName } from '../../catalog/snapshot.ts';
import { formatCountOf } from '../../output/number.ts';
import type { Check, Problem } from '../definition.ts';
import { duplicatesOf, invalidIndexes, type InvalidIndex } from '../invalid-indexes.ts';
import { rowReader, type RowReader } from '../read-rows.ts';

/** Milliseconds for one table. */
const limit = 10_000;

type Counted = { values: number; rows: number };

async function problemsOf(reader: RowReader, index: InvalidIndex): Promise<Problem[]> {
  const { schema, parent, name } = index;
  const object = { kind: 'index', schema, parent, name };
  const query = duplicatesOf(index);
  const sql = `SELECT count(*)::float8 AS values, coalesce(sum(shared.count), 0)::float8 AS rows FROM (${query}) shared`;
  const answer = index.callsFunctions
    ? { failure: 'it calls functions of the application, which are not run' }
    : await reader.read<Counted>(sql, limit);
  if ('failure' in answer)
    return [
      {
        object,
        isNotChecked: true,
        message: `Whether rows share the values of ${objectName(object)}, which is unique and invalid, was not checked: ${answer.failure}`,
        help: `Run: ${query};`,
      },
    ];
  const [{ values, rows } = { values: 0, rows: 0 }] = answer.rows;
  if (values === 0) return [];
  return [
    {
      object,
      message: `${formatCountOf(rows, 'row')} share ${formatCountOf(values, 'value')} of ${objectName(object)}, which is unique and invalid.`,
      help: `List them, correct them, then rebuild the index: ${query};`,
    },
  ];
}

export const duplicateRows: Check = {
  name: 'duplicate-rows-under-invalid-unique',
  group: 'integrity',
  severity: 'error',
  isStatic: false,
  summary: 'Where a unique index is invalid, no rows share its values.',
  harm: 'The application relies on values being unique, and they are not: a login finds two users, an ON CONFLICT fails. The index cannot be rebuilt either.',
  cure: 'List the rows with the query of the finding, merge or correct them, then REINDEX INDEX CONCURRENTLY.',
  limits:
    'It reads the whole table, for 10 seconds at most. Indexes that call functions of the application are not checked, which is reported. An index of a partitioned table is not checked.',
  async find(input) {
    const reader = rowReader(input.session);
    const problems: Problem[] = [];
    for (const index of await invalidIndexes(input))
      if (index.isUnique && !index.isPartitioned)
        problems.push(...(await problemsOf(reader, index)));
    return problems;
  },
};

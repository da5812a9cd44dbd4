import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import type { Check, Problem } from '../definition.ts';
import { duplicatesOf, invalidIndexes, type InvalidIndex } from '../invalid-indexes.ts';

function problemOf(index: InvalidIndex): Problem {
  const { schema, parent, name, isPartitioned, isOnStandby } = index;
  const object = { kind: 'index', schema, parent, name };
  const unless = isOnStandby ? ', unless the primary is building it at this moment' : '';
  return {
    object,
    ...((isPartitioned || isOnStandby) && { severity: 'warning' }),
    message: isPartitioned
      ? `${objectName(object)} is invalid: some partitions lack an attached index.`
      : `${objectName(object)} is invalid${unless}: queries do not use it and it enforces nothing.`,
    ...cureOf(index),
  };
}

function cureOf(found: InvalidIndex): Pick<Problem, 'help' | 'fix'> {
  const { schema, name, isPartitioned, isUnique } = found;
  const index = quoteName({ schema, name });
  if (isPartitioned)
    return {
      help: `Create the index on each partition that lacks it (CREATE INDEX CONCURRENTLY), then: ALTER INDEX ${index} ATTACH PARTITION …`,
    };
  const rebuild = `REINDEX INDEX CONCURRENTLY ${index};`;
  if (!isUnique) return { help: 'Rebuild it', fix: rebuild };
  return {
    help: `Rows with the same values prevent a unique index, and a REINDEX that finds some leaves a further invalid index. Find them, correct them, then rebuild it: ${duplicatesOf(found)}; ${rebuild}`,
  };
}

export const invalidIndex: Check = {
  name: 'invalid-index',
  group: 'integrity',
  severity: 'error',
  isStatic: true,
  summary:
    'No index is invalid; a failed CREATE INDEX CONCURRENTLY leaves one that slows down writes and serves no query.',
  harm: 'Every write maintains the index, no query uses it, and a unique one does not reject duplicates.',
  cure: 'Rebuild it with REINDEX INDEX CONCURRENTLY. Where it is unique, find and correct the rows with the same values first.',
  example: `CREATE UNIQUE INDEX CONCURRENTLY users_mail ON users (mail); -- fails where two users have the same mail`,
  limits:
    'An index that is being built at this moment is not reported; a standby does not show what its primary is building, so that there it is a warning. A remainder of REINDEX CONCURRENTLY is reported by leftover-index. The index of a partitioned table is invalid until each partition has its part, and a warning.',
  find: async (input) => (await invalidIndexes(input)).map(problemOf),
};

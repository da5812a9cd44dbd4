import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check, Problem } from '../definition.ts';

/** Indexes that sort by a collation; of the default collation those of columns without another one. */
const sortedBy = `SELECT DISTINCT k.coll, s.nspname AS schema, i.relname AS name, i.relkind
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace s ON s.oid = i.relnamespace
    JOIN pg_class c ON c.oid = x.indrelid CROSS JOIN unnest(x.indcollation::oid[]) k (coll)
  WHERE k.coll <> 0 AND i.relkind = 'i' AND c.relpersistence <> 't' AND ${isOfTeam('s', 'pg_class', 'c.oid')}`;

/**
 * The collation of the database is compared with the version that it was created under; the version of
 * a collation of the server (`collprovider` d is that of the database) with the one of its library.
 */
const sql = `WITH uses AS (${sortedBy}), used AS (SELECT coll, json_agg(json_build_object('schema', schema, 'name', name)
      ORDER BY schema COLLATE "C", name COLLATE "C") AS indexes FROM uses GROUP BY 1),
    found AS (SELECT '' AS schema, d.datname::text AS name, d.datcollversion AS recorded,
        pg_database_collation_actual_version(d.oid) AS actual, 'pg_catalog."default"'::regcollation::oid AS coll, true AS "isDatabase"
      FROM pg_database d WHERE d.datname = current_database()
      UNION ALL SELECT n.nspname, l.collname, l.collversion, pg_collation_actual_version(l.oid), l.oid, false
      FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace
      WHERE l.collprovider <> 'd' AND l.collversion IS NOT NULL
        AND (l.oid IN (SELECT coll FROM used) OR n.nspname !~ '^pg_'))
  SELECT found.*, coalesce(used.indexes, '[]') AS indexes FROM found LEFT JOIN used USING (coll)
  WHERE recorded <> actual ${byName('schema', 'name')}`;

interface OutdatedCollation {
  /** Empty for the database. */
  schema: string;
  name: string;
  recorded: string;
  actual: string;
  isDatabase: boolean;
  indexes: { schema: string; name: string }[];
}

/** Indexes that are named in a message. */
const mostNamed = 5;

function problemOf(found: OutdatedCollation): Problem {
  const { schema, name, recorded, actual, isDatabase, indexes } = found;
  const object = { kind: isDatabase ? 'database' : 'collation', schema, parent: '', name };
  const names = indexes
    .slice(0, mostNamed)
    .map((each) => objectName({ kind: 'index', parent: '', ...each }));
  const more = indexes.length > names.length ? ` and ${indexes.length - names.length} more` : '';
  const list =
    names.length > 0
      ? `Indexes that it sorts: ${names.join(', ')}${more}.`
      : 'No index sorts by it.';
  return {
    object,
    ...(isDatabase && indexes.length > 0 && { severity: 'error' }),
    message: `${isDatabase ? 'The database ' : 'The collation '}${objectName(object)} was created with version ${recorded} of its collation, and the library has ${actual}: strings may sort differently. ${list}`,
    ...cureOf(found),
  };
}

function cureOf({
  schema,
  name,
  isDatabase,
  indexes,
}: OutdatedCollation): Pick<Problem, 'help' | 'fix'> {
  const refresh = isDatabase
    ? `ALTER DATABASE ${q(name)} REFRESH COLLATION VERSION;`
    : `ALTER COLLATION ${quoteName({ schema, name })} REFRESH VERSION;`;
  const rebuild = indexes.map((each) => `REINDEX INDEX CONCURRENTLY ${quoteName(each)};`);
  return {
    help:
      indexes.length > 0 ? 'Rebuild the indexes, then record the version' : 'Record the version',
    fix: [...rebuild, refresh].join(' '),
  };
}

export const collationVersion: Check = {
  name: 'collation-version',
  group: 'integrity',
  severity: 'warning',
  isStatic: false,
  summary: 'The library sorts strings as it did when the indexes were built.',
  harm: 'After an upgrade of the operating system or of ICU strings may sort differently. An index that was built before then misses rows that exist, and a unique one accepts duplicates.',
  cure: 'Rebuild the indexes on text that the finding names, then record the new version with REFRESH VERSION.',
  limits:
    'The collation of the database is an error if an index sorts by it, another collation a warning. Whether the order of the strings in the index changed is not examined. Range partitions and CHECK constraints that compare strings are not examined either. Collations without a version (C, POSIX, and those of musl) cannot be compared.',
  find: async ({ session }) =>
    (await session.query<OutdatedCollation & Record<string, unknown>>(sql)).map(problemOf),
};

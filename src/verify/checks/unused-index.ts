import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { readOnce, type Session } from '../../db/session.ts';
import { formatBytes, formatCount, formatCountOf } from '../../output/number.ts';
import { NotChecked, type Check, type CheckInput, type Problem } from '../definition.ts';
import { indexesOfKeys } from '../foreign-keys.ts';
import { tableIndexes, type TableIndex } from '../table-indexes.ts';

/**
 * Without a reset (NULL), statistics cover at least the time since the server started. `standbys` are
 * connected to the server, and have statistics of their own.
 */
const ageSql = `SELECT extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time()))::float8 / 86400 AS days,
    (SELECT count(*) FROM pg_stat_replication)::int AS standbys
  FROM pg_stat_database d WHERE d.datname = current_database()`;

/**
 * Scans of each index, or of all parts of that of a partitioned table. `age` is how long ago an index was
 * created, where the server records when transactions committed.
 */
const usageSql = `WITH RECURSIVE parts AS (SELECT x.indexrelid AS root, x.indexrelid AS part FROM pg_index x
      UNION ALL SELECT p.root, h.inhrelid FROM parts p JOIN pg_inherits h ON h.inhparent = p.part)
  SELECT n.nspname AS schema, i.relname AS name, sum(s.idx_scan)::float8 AS scans,
    sum(q.relpages)::float8 * current_setting('block_size')::int AS bytes, max(t.reltuples)::float8 AS rows,
    CASE WHEN current_setting('track_commit_timestamp') = 'on'
      THEN extract(epoch FROM now() - pg_xact_commit_timestamp(i.xmin))::float8 / 86400 END AS age
  FROM parts p JOIN pg_stat_all_indexes s ON s.indexrelid = p.part JOIN pg_class i ON i.oid = p.root
    JOIN pg_class q ON q.oid = p.part
    JOIN pg_namespace n ON n.oid = i.relnamespace JOIN pg_class t ON t.oid = s.relid
  WHERE NOT i.relispartition AND n.nspname !~ '^pg_'
  GROUP BY i.oid, n.nspname, i.relname, i.xmin`;

interface Usage {
  schema: string;
  name: string;
  scans: number;
  bytes: number;
  rows: number;
  /** Days; null: unknown. */
  age: number | null;
}

type Age = { days: number; standbys: number };

async function usageOf(session: Session): Promise<Map<string, Usage>> {
  const rows = await readOnce<Usage & Record<string, unknown>>(session, usageSql);
  return new Map(rows.map((row) => [quoteName(row), row]));
}

/** @throws NotChecked where the statistics of a server are too young */
async function oldEnough(session: Session, least: number): Promise<Age> {
  const [{ days, standbys } = { days: 0, standbys: 0 }] = await readOnce<Age>(session, ageSql);
  if (days < least)
    throw new NotChecked(
      `the statistics of ${session.target.kind === 'postgres' ? session.target.host : 'this database'} cover ${formatCount(Math.floor(days))} days, and ${formatCount(least)} are needed`,
      'Repeat it when they cover more, or lower verify.thresholds.unusedDays in the configuration.',
    );
  return { days, standbys };
}

/** Indexes that enforce something, or by which the server finds the rows of a foreign key, are used in any case. */
async function dispensable(input: CheckInput): Promise<TableIndex[]> {
  const ofKeys = new Set([...(await indexesOfKeys(input)).values()].flat().map(({ oid }) => oid));
  return (await tableIndexes(input)).filter(
    ({ oid, isUnique, constraint, isUsable, isNamedByTable, isAttached }) =>
      !isUnique &&
      constraint === null &&
      isUsable &&
      !isNamedByTable &&
      !isAttached &&
      !ofKeys.has(oid),
  );
}

export const unusedIndex: Check = {
  name: 'unused-index',
  group: 'indexes',
  severity: 'info',
  isStatic: false,
  summary: 'Every index is used by queries.',
  harm: 'Every write maintains the index, and it occupies disk space and memory, for nothing.',
  cure: 'Drop it with DROP INDEX CONCURRENTLY, after you have looked for rare queries that need it, such as those of a yearly report.',
  limits:
    'It needs statistics that cover thresholds.unusedDays (30) on this server and on each --replica; standbys that are connected and not named are mentioned in the finding. Not reported: unique indexes and those of constraints, those by which the server finds the rows of a foreign key, and those of tables with fewer rows than thresholds.largeTable. When an index was created is known only with track_commit_timestamp; otherwise one that is younger than the statistics is reported, too. An index on an expression also provides statistics of that expression to the planner.',
  async find(input) {
    const { session, replicas, thresholds } = input;
    const { days, standbys } = await oldEnough(session, thresholds.unusedDays);
    for (const replica of replicas) await oldEnough(replica, thresholds.unusedDays);
    const usage = await usageOf(session);
    const elsewhere: Map<string, Usage>[] = [];
    for (const replica of replicas) elsewhere.push(await usageOf(replica));
    const place =
      replicas.length > 0 ? ` here and on ${formatCountOf(replicas.length, 'replica')}` : '';
    const unasked = standbys - replicas.length;
    const remark =
      unasked > 0
        ? ` ${formatCountOf(unasked, 'connected standby', 'connected standbys')} may use it: dbops verify --replica URL`
        : '';
    return (await dispensable(input)).flatMap((index): Problem[] => {
      const name = quoteName(index);
      const own = usage.get(name);
      if (!own || Math.max(own.rows, 0) < thresholds.largeTable) return [];
      if (own.age !== null && own.age < thresholds.unusedDays) return [];
      const scans = elsewhere.reduce((sum, each) => sum + (each.get(name)?.scans ?? 0), own.scans);
      if (scans > thresholds.unusedScans) return [];
      const object = { kind: 'index', schema: index.schema, parent: index.table, name: index.name };
      return [
        {
          object,
          message: `${objectName(object)} (${formatBytes(own.bytes)}) was scanned ${formatCountOf(scans, 'time')}${place} in ${formatCount(Math.floor(days))} days.${remark}`,
          help: `Drop it if no rare query needs it: DROP INDEX ${index.isPartitioned ? '' : 'CONCURRENTLY '}${name};`,
        },
      ];
    });
  },
};

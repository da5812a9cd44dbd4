import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { formatCount } from '../../output/number.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check, Problem } from '../definition.ts';

/**
 * A partition has a replica identity of its own. A primary key that is DEFERRABLE identifies no row for
 * logical replication (server manual, "ALTER TABLE", REPLICA IDENTITY).
 */
const sql = `WITH published AS (
    SELECT DISTINCT coalesce(tree.relid, t.oid) AS oid
    FROM pg_publication p JOIN pg_publication_tables l ON l.pubname = p.pubname
      JOIN pg_namespace n ON n.nspname = l.schemaname
      JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = l.tablename
      LEFT JOIN LATERAL pg_partition_tree(t.oid) tree ON tree.isleaf
    WHERE p.pubupdate OR p.pubdelete)
  SELECT n.nspname AS schema, whole.relname AS name, count(*)::int AS tables, whole.relkind = 'p' AS "isPartitioned"
  FROM published JOIN pg_class c ON c.oid = published.oid
    JOIN pg_class whole ON whole.oid = coalesce(pg_partition_root(c.oid), c.oid)
    JOIN pg_namespace n ON n.oid = whole.relnamespace
  WHERE c.relkind = 'r' AND ${isOfTeam('n', 'pg_class', 'whole.oid')} AND (c.relreplident = 'n'
    OR c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate)
    OR c.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident))
  GROUP BY n.nspname, whole.relname, whole.relkind
  ${byName('n.nspname', 'whole.relname')}`;

interface Unidentified extends Record<string, unknown> {
  schema: string;
  name: string;
  /** Number of partitions without an identity, or 1. */
  tables: number;
  isPartitioned: boolean;
}

function problemOf({ schema, name, tables, isPartitioned }: Unidentified): Problem {
  const object = { kind: 'table', schema, parent: '', name };
  const which = isPartitioned
    ? `${formatCount(tables)} published ${tables === 1 ? 'partition' : 'partitions'} of ${objectName(object)}`
    : objectName(object);
  const verb = tables === 1 ? 'has' : 'have';
  const table = isPartitioned ? 'PARTITION' : quoteName({ schema, name });
  return {
    object,
    message: `${which} ${verb} no replica identity, but a publication includes UPDATE and DELETE; the server rejects these statements.`,
    help: `Add a primary key. Where no columns identify a row: ALTER TABLE ${table} REPLICA IDENTITY FULL;`,
  };
}

export const replicaIdentity: Check = {
  name: 'replica-identity',
  group: 'tables',
  severity: 'error',
  isStatic: true,
  summary: 'Every table that is published for UPDATE or DELETE has a replica identity.',
  harm: 'UPDATE and DELETE on the table are errors while the publication includes them.',
  cure: 'Add a primary key. REPLICA IDENTITY USING INDEX takes a unique index on NOT NULL columns instead; REPLICA IDENTITY FULL needs no key, but each change searches the whole table on the subscriber.',
  example: `CREATE TABLE visits (page text, at timestamptz);
CREATE PUBLICATION analytics FOR TABLE visits;`,
  limits:
    'Column lists and row filters of a publication are not compared with the replica identity. A partitioned table is reported once for all its partitions.',
  find: async ({ session }) => (await session.query<Unidentified>(sql)).map(problemOf),
};

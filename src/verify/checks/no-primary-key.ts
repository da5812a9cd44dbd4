import { objectName } from '../../catalog/snapshot.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

/** A partition has the key of its parent; a table of a temporary schema ends with its session. */
const sql = `SELECT n.nspname AS schema, c.relname AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND ${isOfTeam('n', 'pg_class', 'c.oid')}
    AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'p')
  ${byName('n.nspname', 'c.relname')}`;

export const noPrimaryKey: Check = {
  name: 'no-primary-key',
  group: 'tables',
  severity: 'warning',
  isStatic: true,
  summary: 'Every table has a primary key.',
  harm: 'Nothing identifies a row: duplicates go unnoticed, logical replication rejects UPDATE and DELETE, and tools cannot address a row.',
  cure: 'Add a primary key. On a large table, create a unique index CONCURRENTLY first and add the key USING INDEX.',
  example: 'CREATE TABLE visits (page text, at timestamptz);',
  limits: 'A partition has the key of its partitioned table, which alone is reported.',
  async find({ session }) {
    const rows = await session.query<{ schema: string; name: string }>(sql);
    return rows.map((row) => {
      const object = { kind: 'table', parent: '', ...row };
      return {
        object,
        message: `${objectName(object)} has no primary key.`,
        help: 'Add a primary key on columns that identify a row, or an identity column.',
      };
    });
  },
};

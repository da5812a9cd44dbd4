import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { byName } from '../catalogue-sql.ts';
import type { Check, Problem } from '../definition.ts';
import { teamTables } from '../table-sql.ts';

/**
 * A unique index on columns that are NOT NULL identifies a row, too. USING INDEX takes one that belongs to no
 * constraint and has the default order, on a table that is not partitioned.
 */
const sql = `SELECT n.nspname AS schema, c.relname AS name, key.name AS index, coalesce(key."isFree", false) AS "isFree"
  FROM (SELECT c.*, n.nspname ${teamTables}
    AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'p')) c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (SELECT i.relname AS name,
        c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.oid AND o.contype = 'u')
          AND 0 = ALL (x.indoption::int2[]) AND NOT EXISTS (SELECT FROM pg_opclass p
            WHERE p.oid = ANY (x.indclass::oid[]) AND NOT p.opcdefault) AS "isFree"
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
      WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indimmediate AND x.indpred IS NULL AND x.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (x.indkey) AND NOT a.attnotnull)
      ORDER BY x.indnkeyatts, i.relname COLLATE "C" LIMIT 1) key ON true
  ${byName('n.nspname', 'c.relname')}`;

interface Keyless extends Record<string, unknown> {
  schema: string;
  name: string;
  /** A unique index that identifies its rows. */
  index: string | null;
  /** The index can become the primary key as it is. */
  isFree: boolean;
}

function problemOf({ schema, name, index, isFree }: Keyless): Problem {
  const object = { kind: 'table', schema, parent: '', name };
  if (index === null)
    return {
      object,
      message: `${objectName(object)} has no primary key.`,
      help: 'Add a primary key on columns that identify a row, or an identity column.',
    };
  const message = `${objectName(object)} has no primary key; its unique index ${index} identifies a row.`;
  const add = `ALTER TABLE ${quoteName({ schema, name })} ADD PRIMARY KEY USING INDEX ${q(index)};`;
  return isFree
    ? { object, severity: 'info', message, help: 'Make it the primary key', fix: add }
    : { object, severity: 'info', message, help: 'Declare its columns as the primary key.' };
}

export const noPrimaryKey: Check = {
  name: 'no-primary-key',
  group: 'tables',
  severity: 'warning',
  isStatic: true,
  summary: 'Every table has a primary key.',
  harm: 'Nothing identifies a row: duplicates go unnoticed, logical replication rejects UPDATE and DELETE, and tools cannot address a row.',
  cure: 'Add a primary key. On a large table, create a unique index CONCURRENTLY first and add the key USING INDEX.',
  example: 'CREATE TABLE visits (page text, at timestamptz);',
  limits:
    'A partition has the key of its partitioned table, which alone is reported. A table whose rows are identified by a unique index on NOT NULL columns is reported as info.',
  find: async ({ session }) => (await session.query<Keyless>(sql)).map(problemOf),
};

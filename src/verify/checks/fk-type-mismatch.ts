import { objectName } from '../../catalog/snapshot.ts';
import type { Check, Problem } from '../definition.ts';
import { teamForeignKeys } from '../table-sql.ts';

/**
 * Compares the types below domains. `text` and `varchar` hold the same values and share their indexes; integers
 * of different sizes do, too, but the narrower type ends earlier.
 */
const sql = `WITH RECURSIVE below AS (
    SELECT oid, oid AS type, typbasetype AS next FROM pg_type
    UNION ALL SELECT b.oid, t.oid, t.typbasetype FROM below b JOIN pg_type t ON t.oid = b.next),
  base AS MATERIALIZED (SELECT oid, type FROM below WHERE next = 0)
  SELECT o.schema, o.parent, o.conname AS name,
    a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
    k.oid::regclass::text AS target, r.attname AS referenced, format_type(r.atttypid, r.atttypmod) AS "referencedType",
    own.type = ANY ('{int2,int4,int8}'::regtype[]) AND other.type = ANY ('{int2,int4,int8}'::regtype[])
      AND a.attlen > r.attlen AS "isWider"
  FROM ${teamForeignKeys} o
    JOIN pg_class k ON k.oid = o.confrelid
    JOIN LATERAL unnest(o.conkey, o.confkey) AS pair (own, other) ON true
    JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = pair.own
    JOIN pg_attribute r ON r.attrelid = o.confrelid AND r.attnum = pair.other
    JOIN base own ON own.oid = a.atttypid JOIN base other ON other.oid = r.atttypid
  WHERE own.type <> other.type
    AND NOT (own.type = ANY ('{text,varchar}'::regtype[]) AND other.type = ANY ('{text,varchar}'::regtype[]))
  ORDER BY o.schema COLLATE "C", o.parent COLLATE "C", o.conname COLLATE "C", a.attnum`;

interface Mismatch extends Record<string, unknown> {
  schema: string;
  parent: string;
  name: string;
  column: string;
  type: string;
  /** The referenced table, as SQL. */
  target: string;
  referenced: string;
  referencedType: string;
  isWider: boolean;
}

function problemOf(found: Mismatch): Problem {
  const { schema, parent, name, column, type, target, referenced, referencedType } = found;
  const object = { kind: 'constraint', schema, parent, name };
  return {
    object,
    part: column,
    ...(found.isWider && { severity: 'info' }),
    message: `${objectName(object)} compares ${column} of type ${type} with ${target}.${referenced} of type ${referencedType}.`,
    help: `Give both columns the type ${found.isWider ? type : referencedType}.`,
  };
}

export const fkTypeMismatch: Check = {
  name: 'fk-type-mismatch',
  group: 'tables',
  severity: 'warning',
  isStatic: true,
  summary: 'The columns of a foreign key have the types of the columns that they reference.',
  harm: 'A narrower column cannot hold every key: its INSERT fails once the keys exceed its range. With types of different families, joins cannot use the index.',
  cure: 'Change the referencing column to the type of the key. ALTER COLUMN … TYPE rewrites the table under an ACCESS EXCLUSIVE lock; on a large table, add a column, copy in batches and switch.',
  example: `CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE articles (author_id integer REFERENCES users);`,
  limits:
    'Types below domains are compared. text and varchar are the same, whatever their lengths. An integer that is wider than its key is reported as info.',
  find: async ({ session }) => (await session.query<Mismatch>(sql)).map(problemOf),
};

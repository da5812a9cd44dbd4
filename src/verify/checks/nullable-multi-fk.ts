import { objectName } from '../../catalog/snapshot.ts';
import { byName } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';
import { teamForeignKeys } from '../table-sql.ts';

/** A CHECK on all the nullable columns, such as one with num_nulls(), settles which of them may be NULL together. */
const sql = `SELECT o.schema, o.parent, o.conname AS name, nullable.names AS columns
  FROM ${teamForeignKeys} o
    JOIN LATERAL (SELECT array_agg(a.attnum) AS numbers, array_agg(a.attname::text ORDER BY a.attnum) AS names
      FROM pg_attribute a WHERE a.attrelid = o.conrelid AND a.attnum = ANY (o.conkey) AND NOT a.attnotnull) nullable
      ON cardinality(nullable.names) > 1
  WHERE o.confmatchtype = 's' AND cardinality(o.conkey) > 1 AND NOT EXISTS (SELECT FROM pg_constraint k
    WHERE k.conrelid = o.conrelid AND k.contype = 'c' AND k.conkey @> nullable.numbers)
  ${byName('o.schema', 'o.parent', 'o.conname')}`;

interface LooseKey extends Record<string, unknown> {
  schema: string;
  parent: string;
  name: string;
  /** Those that may be NULL. */
  columns: string[];
}

export const nullableMultiFk: Check = {
  name: 'nullable-multi-fk',
  group: 'tables',
  severity: 'info',
  isStatic: true,
  summary: 'A foreign key of several columns is checked as a whole, or all its columns are NULL.',
  harm: 'With MATCH SIMPLE, which is the default, one NULL switches the foreign key off: the other columns may then hold values that do not exist.',
  cure: 'Make the columns NOT NULL, declare the foreign key MATCH FULL, or add CHECK (num_nulls(a, b) IN (0, 2)).',
  example: `CREATE TABLE teams (organization_id bigint, id bigint, PRIMARY KEY (organization_id, id));
CREATE TABLE invites (organization_id bigint, team_id bigint,
  FOREIGN KEY (organization_id, team_id) REFERENCES teams);`,
  limits:
    'Reported where two or more columns may be NULL and no CHECK covers them. With one such column, such as (organization_id NOT NULL, parent_id), its NULL means that there is no reference.',
  async find({ session }) {
    const keys = await session.query<LooseKey>(sql);
    return keys.map(({ columns, ...key }) => {
      const object = { kind: 'constraint', ...key };
      return {
        object,
        message: `${objectName(object)} is not checked for a row in which one of ${columns.join(', ')} is NULL.`,
        help: 'Make the columns NOT NULL, or declare the foreign key MATCH FULL.',
      };
    });
  },
};

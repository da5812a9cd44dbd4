import { objectName } from '../../catalog/snapshot.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

/** Read as JSON: pg_constraint has conenforced since PostgreSQL 18. */
const sql = `SELECT n.nspname AS schema, c.relname AS parent, o.conname AS name, pg_get_constraintdef(o.oid) AS definition
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT o.convalidated AND to_jsonb(o) ->> 'conenforced' = 'false' AND o.conislocal AND o.conparentid = 0
    AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname', 'o.conname')}`;

export const constraintNotEnforced: Check = {
  name: 'constraint-not-enforced',
  group: 'integrity',
  severity: 'info',
  isStatic: true,
  summary: 'Every constraint is enforced.',
  harm: 'The server accepts rows that violate a NOT ENFORCED constraint, and tools that read the schema assume that there are none.',
  cure: 'If the rows must satisfy it, enforce it: ALTER CONSTRAINT … ENFORCED for a foreign key; for a CHECK, drop it and add it again. Both read the whole table.',
  example: `CREATE TABLE orders (total numeric CHECK (total > 0) NOT ENFORCED); -- PostgreSQL 18`,
  limits:
    'NOT ENFORCED exists since PostgreSQL 18. Constraints that a partition or a child inherits are reported on their parent. NOT VALID constraints are reported by constraint-not-validated.',
  async find({ session }) {
    const rows =
      await session.query<Record<'schema' | 'parent' | 'name' | 'definition', string>>(sql);
    return rows.map(({ definition, ...row }) => {
      const object = { kind: 'constraint', ...row };
      return {
        object,
        message: `${objectName(object)} is NOT ENFORCED; the server accepts rows that violate it: ${definition}`,
        help: 'Enforce it if the rows must satisfy it, or drop it.',
      };
    });
  },
};

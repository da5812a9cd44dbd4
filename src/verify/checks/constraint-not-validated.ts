import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import type { Check, Problem } from '../definition.ts';

/**
 * NOT ENFORCED constraints (PostgreSQL 18) are never validated. A constraint that a partition or a
 * child table inherits is validated with that of its parent.
 */
const sql = `SELECT n.nspname AS schema, c.relname AS parent, o.conname AS name, pg_get_constraintdef(o.oid) AS definition
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT o.convalidated AND coalesce((to_jsonb(o) ->> 'conenforced')::boolean, true)
    AND o.conislocal AND o.conparentid = 0 AND n.nspname !~ '^pg_'
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", o.conname COLLATE "C"`;

type UnvalidatedConstraint = { schema: string; parent: string; name: string; definition: string };

function problemOf({ definition, schema, parent, name }: UnvalidatedConstraint): Problem {
  const object = { kind: 'constraint', schema, parent, name };
  const table = quoteName({ schema, name: parent });
  return {
    object,
    message: `${objectName(object)} is not validated; existing rows may violate it: ${definition}`,
    help: 'Validate it (does not block reads or writes)',
    fix: `ALTER TABLE ${table} VALIDATE CONSTRAINT ${q(name)};`,
  };
}

export const constraintNotValidated: Check = {
  name: 'constraint-not-validated',
  group: 'integrity',
  severity: 'warning',
  isStatic: true,
  summary: 'Every constraint is validated; existing rows may violate one that is NOT VALID.',
  harm: 'Rows from before the constraint may violate it, and the planner does not rely on it.',
  cure: 'Correct the rows that violate it, then VALIDATE CONSTRAINT, which blocks neither reads nor writes.',
  example: `CREATE TABLE orders (total numeric);
ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID;`,
  limits:
    'Constraints that a partition or a child inherits are reported on their parent. NOT ENFORCED constraints (PostgreSQL 18) cannot be validated.',
  find: async ({ session }) => (await session.query<UnvalidatedConstraint>(sql)).map(problemOf),
};

import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q } from '../../db/quote.ts';
import type { Finding } from '../../report.ts';
import type { Check } from '../definition.ts';

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

function toFinding({ definition, ...names }: UnvalidatedConstraint): Finding {
  const object = objectName({ kind: 'constraint', ...names });
  const table = `${q(names.schema)}.${q(names.parent)}`;
  return {
    code: 'constraint-not-validated',
    severity: 'warning',
    message: `${object} is not validated; existing rows may violate it: ${definition}`,
    help: `Validate it (does not block reads or writes): ALTER TABLE ${table} VALIDATE CONSTRAINT ${q(names.name)};`,
    where: { object },
    key: `constraint-not-validated:${object}`,
  };
}

export const constraintNotValidated: Check = {
  name: 'constraint-not-validated',
  group: 'health',
  summary: 'Every constraint is validated; existing rows may violate one that is NOT VALID.',
  run: async ({ session }) => (await session.query<UnvalidatedConstraint>(sql)).map(toFinding),
};

import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q } from '../../db/quote.ts';
import type { Finding } from '../../report.ts';
import type { Check } from '../definition.ts';

/**
 * PostgreSQL 18's NOT ENFORCED constraints are not validated either, by intention. What a partition
 * or a child has from its parent is validated with the parent's.
 */
const sql = `SELECT n.nspname AS schema, c.relname AS parent, o.conname AS name, pg_get_constraintdef(o.oid) AS definition
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT o.convalidated AND coalesce((to_jsonb(o) ->> 'conenforced')::boolean, true)
    AND o.conislocal AND o.conparentid = 0 AND n.nspname !~ '^pg_'
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", o.conname COLLATE "C"`;

type Row = { schema: string; parent: string; name: string; definition: string };

function toFinding({ definition, ...names }: Row): Finding {
  const object = objectName({ kind: 'constraint', ...names });
  const table = `${q(names.schema)}.${q(names.parent)}`;
  return {
    code: 'constraint-not-validated',
    severity: 'warning',
    message: `${object} is not validated; older rows may violate it: ${definition}`,
    help: `Validate it (reads and writes go on meanwhile): ALTER TABLE ${table} VALIDATE CONSTRAINT ${q(names.name)};`,
    where: { object },
    key: `constraint-not-validated:${object}`,
  };
}

export const constraintNotValidated: Check = {
  name: 'constraint-not-validated',
  group: 'health',
  summary:
    'Every constraint is validated: one that is NOT VALID says nothing about the rows that were there before it.',
  run: async ({ session }) => (await session.query<Row>(sql)).map(toFinding),
  examples: [
    {
      breaks:
        'ALTER TABLE purchases DROP CONSTRAINT check_amount_positive; ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents >= 0) NOT VALID',
      mends: 'ALTER TABLE purchases VALIDATE CONSTRAINT check_amount_positive',
      finding: 'constraint-not-validated',
    },
  ],
};

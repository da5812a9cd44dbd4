import type { Check } from './check.ts';

/** PostgreSQL 18's NOT ENFORCED constraints are not validated either, by intention. */
const sql = `SELECT n.nspname AS schema, c.relname AS "table", o.conname AS name, pg_get_constraintdef(o.oid) AS definition
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT o.convalidated AND coalesce((to_jsonb(o) ->> 'conenforced')::boolean, true) AND n.nspname NOT LIKE 'pg\\_%'
  ORDER BY 1, 2, 3`;

type Row = { schema: string; table: string; name: string; definition: string };

export const constraintNotValidated: Check = {
  name: 'constraint-not-validated',
  group: 'health',
  summary:
    'Every constraint is validated: one that is NOT VALID says nothing about the rows that were there before it.',
  async run({ session }) {
    const rows = await session.query<Row>(sql);
    return rows.map(({ schema, table, name, definition }) => ({
      code: 'constraint-not-validated',
      severity: 'warning',
      message: `${name} on ${schema}.${table} is not validated; older rows may violate it: ${definition}`,
      help: `Validate it (reads and writes go on meanwhile): ALTER TABLE ${schema}.${table} VALIDATE CONSTRAINT ${name};`,
      where: { object: `${name} on ${schema}.${table}` },
      key: `constraint-not-validated:${schema}.${table}.${name}`,
    }));
  },
  examples: [
    {
      breaks:
        'ALTER TABLE purchases DROP CONSTRAINT check_amount_positive; ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents >= 0) NOT VALID',
      mends: 'ALTER TABLE purchases VALIDATE CONSTRAINT check_amount_positive',
      finding: 'constraint-not-validated',
    },
  ],
};

import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { formatCountOf } from '../../output/number.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

const sql = `SELECT n.nspname AS schema, c.relname AS name, count(*)::int AS policies
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT c.relrowsecurity AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  GROUP BY n.nspname, c.relname
  ${byName('n.nspname', 'c.relname')}`;

export const policyWithoutRls: Check = {
  name: 'policy-without-rls',
  group: 'security',
  severity: 'error',
  isStatic: true,
  summary: 'Every table with policies has row-level security enabled.',
  harm: 'The policies have no effect: every role with the privilege sees and changes every row.',
  cure: 'ALTER TABLE … ENABLE ROW LEVEL SECURITY, or drop the policies. A role without a matching policy sees no rows from then on.',
  example: `CREATE TABLE notes (id bigint PRIMARY KEY, owner text);
CREATE POLICY own ON notes USING (owner = current_user);`,
  limits: 'A partition is judged by its own policies, which only direct queries use.',
  async find({ session }) {
    const rows = await session.query<{ schema: string; name: string; policies: number }>(sql);
    return rows.map(({ policies, ...table }) => {
      const object = { kind: 'table', parent: '', ...table };
      return {
        object,
        message: `${objectName(object)} has ${formatCountOf(policies, 'policy', 'policies')} without effect: row-level security is disabled.`,
        help: 'Enable it',
        fix: `ALTER TABLE ${quoteName(table)} ENABLE ROW LEVEL SECURITY;`,
      };
    });
  },
};

import { objectName } from '../../catalog/snapshot.ts';
import { byName } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';
import { teamTables } from '../table-sql.ts';

const sql = `SELECT n.nspname AS schema, c.relname AS name ${teamTables}
    AND c.relrowsecurity AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
  ${byName('n.nspname', 'c.relname')}`;

export const rlsWithoutPolicy: Check = {
  name: 'rls-without-policy',
  group: 'security',
  severity: 'info',
  isStatic: true,
  summary: 'Every table with row-level security has a policy.',
  harm: 'Without a policy, only the owner of the table and roles with BYPASSRLS see rows; for all others the table is empty.',
  cure: 'Add the missing policies. Where no other role may use the table, revoke its privileges too: an error is clearer than an empty result.',
  example: `CREATE TABLE notes (id bigint PRIMARY KEY);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;`,
  limits:
    'A table that only a service role uses is reported as well. Partitions are not: direct access to them is often closed in this way.',
  async find({ session }) {
    const rows = await session.query<{ schema: string; name: string }>(sql);
    return rows.map((row) => {
      const object = { kind: 'table', parent: '', ...row };
      return {
        object,
        message: `${objectName(object)} has row-level security and no policy: only its owner sees rows.`,
        help: 'Add the missing policies, or revoke the privileges of other roles.',
      };
    });
  },
};

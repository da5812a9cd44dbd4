import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import type { Check } from '../definition.ts';
import { exposedOf, missingSchemas } from '../exposed-schemas.ts';
import { isReachable } from '../privilege-sql.ts';
import { teamTables } from '../table-sql.ts';

const sql = `SELECT n.nspname AS schema, c.relname AS name ${teamTables}
    AND NOT c.relrowsecurity AND ${isReachable('c')}
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

export const rlsOff: Check = {
  name: 'rls-off',
  group: 'security',
  severity: 'error',
  isStatic: true,
  summary: 'Row-level security is enabled for every table in a schema that an API serves.',
  harm: 'Whoever can call the API reads and, with the privileges, writes every row of the table.',
  cure: 'ALTER TABLE … ENABLE ROW LEVEL SECURITY, and a policy for each statement that users may run. Without a policy, only the owner and roles with BYPASSRLS see rows.',
  example: `SET pgrst.db_schemas = 'public';
CREATE TABLE notes (id bigint PRIMARY KEY, owner uuid, body text);
GRANT SELECT ON notes TO PUBLIC;`,
  limits:
    'The schemas are those of verify.exposedSchemas, else of pgrst.db_schemas, else public on Supabase; where none of these is known, the check is reported as not checked. A table is left out whose privileges are revoked from all roles that row-level security restricts. Partitions are not reported: APIs serve their partitioned table.',
  async find(input) {
    const tables = await input.session.query<{ schema: string; name: string }>(sql);
    const problems = (await exposedOf(input, tables)).map((table) => {
      const object = { kind: 'table', parent: '', ...table };
      return {
        object,
        message: `${objectName(object)} is served by an API without row-level security.`,
        help: `Write policies for it, then: ALTER TABLE ${quoteName(table)} ENABLE ROW LEVEL SECURITY;`,
      };
    });
    return [...problems, ...(await missingSchemas(input))];
  },
};

import { quoteIdentifier as q } from '../../db/quote.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';
import { hasPublic } from '../privilege-sql.ts';

const sql = `SELECT n.nspname AS name FROM pg_namespace n
  WHERE ${isOfTeam('n', 'pg_namespace', 'n.oid')} AND ${hasPublic('n.nspacl', 'CREATE')}
  ${byName('n.nspname')}`;

export const publicCreate: Check = {
  name: 'public-create',
  group: 'security',
  severity: 'warning',
  isStatic: true,
  summary: 'PUBLIC cannot create objects in a schema.',
  harm: 'Every role can add a function or an operator that fits a call better than the intended one; it runs with the rights of whoever calls it (CVE-2018-1058).',
  cure: 'REVOKE CREATE ON SCHEMA public FROM PUBLIC. This is the default of new databases since PostgreSQL 15; a database from an older server keeps the grant.',
  example: 'GRANT ALL ON SCHEMA public TO PUBLIC;',
  limits: 'CREATE that is granted to a role by name is not reported.',
  async find({ session }) {
    const schemas = await session.query<{ name: string }>(sql);
    return schemas.map(({ name }) => ({
      object: { kind: 'schema', schema: '', parent: '', name },
      message: `PUBLIC may create objects in the schema ${name}.`,
      help: 'Revoke it; roles that create objects there need a grant of their own',
      fix: `REVOKE CREATE ON SCHEMA ${q(name)} FROM PUBLIC;`,
    }));
  },
};

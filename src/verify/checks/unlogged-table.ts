import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

/** Each partition is logged or not, whatever its parent is. */
const sql = `SELECT n.nspname AS schema, c.relname AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'u' AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname')}`;

export const unloggedTable: Check = {
  name: 'unlogged-table',
  group: 'tables',
  severity: 'warning',
  isStatic: true,
  summary: 'No table is UNLOGGED.',
  harm: 'After a crash, the server empties the table. On replicas it cannot be read, and a backup of the files does not contain its rows.',
  cure: 'ALTER TABLE … SET LOGGED, which rewrites the table under an ACCESS EXCLUSIVE lock.',
  example: 'CREATE UNLOGGED TABLE sessions (id uuid PRIMARY KEY);',
  limits:
    'A cache whose rows may be lost is reported too: allow it in the baseline. Sequences are not reported.',
  async find({ session }) {
    const rows = await session.query<{ schema: string; name: string }>(sql);
    return rows.map((row) => {
      const object = { kind: 'table', parent: '', ...row };
      return {
        object,
        message: `${objectName(object)} is UNLOGGED: a crash empties it.`,
        help: `Where its rows must survive: ALTER TABLE ${quoteName(row)} SET LOGGED; it rewrites the table.`,
      };
    });
  },
};

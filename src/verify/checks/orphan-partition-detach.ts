import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

const sql = `SELECT n.nspname AS schema, c.relname AS name, pn.nspname AS "parentSchema", p.relname AS parent
  FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
  WHERE h.inhdetachpending AND ${isOfTeam('n', 'pg_class', 'c.oid')}
  ${byName('n.nspname', 'c.relname')}`;

export const orphanPartitionDetach: Check = {
  name: 'orphan-partition-detach',
  group: 'integrity',
  severity: 'warning',
  isStatic: false,
  summary: 'Every DETACH PARTITION CONCURRENTLY was completed.',
  harm: 'Queries on the partitioned table no longer see the rows of the partition, which is still constrained by it; no other partition can be detached CONCURRENTLY until then.',
  cure: 'Complete it with ALTER TABLE … DETACH PARTITION … FINALIZE, then attach the partition again if it is needed.',
  example: `ALTER TABLE events DETACH PARTITION events_2024 CONCURRENTLY; -- is interrupted`,
  limits:
    'A DETACH PARTITION CONCURRENTLY that waits for older transactions at this moment looks the same; it is no longer reported once it is done.',
  async find({ session }) {
    const rows =
      await session.query<Record<'schema' | 'name' | 'parentSchema' | 'parent', string>>(sql);
    return rows.map(({ schema, name, parentSchema, parent }) => {
      const object = { kind: 'table', schema, parent: '', name };
      const of = objectName({ kind: 'table', schema: parentSchema, parent: '', name: parent });
      return {
        object,
        message: `${objectName(object)} is only half detached from ${of}: DETACH PARTITION CONCURRENTLY was interrupted.`,
        help: 'Complete it',
        fix: `ALTER TABLE ${quoteName({ schema: parentSchema, name: parent })} DETACH PARTITION ${quoteName({ schema, name })} FINALIZE;`,
      };
    });
  },
};

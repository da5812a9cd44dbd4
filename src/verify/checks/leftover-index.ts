import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { byName, isBeingBuilt, isLeftOver } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

/** The index of a TOAST table is in a schema of its own; `owner` is the table whose values it stores. */
const sql = `SELECT s.nspname AS schema, coalesce(owner.relname, c.relname) AS parent,
    n.nspname AS "ownerSchema", i.relname AS name
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace s ON s.oid = i.relnamespace LEFT JOIN pg_class owner ON owner.reltoastrelid = c.oid
    JOIN pg_namespace n ON n.oid = coalesce(owner.relnamespace, c.relnamespace)
  WHERE ${isLeftOver('i')} AND (s.nspname = 'pg_toast' OR s.nspname !~ '^pg_') AND n.nspname !~ '^pg_'
    AND NOT ${isBeingBuilt('c.oid', 'i.oid')}
  ${byName('n.nspname', 'c.relname', 'i.relname')}`;

export const leftoverIndex: Check = {
  name: 'leftover-index',
  group: 'integrity',
  severity: 'warning',
  isStatic: true,
  summary: 'No index is a remainder of REINDEX CONCURRENTLY.',
  harm: 'Every write maintains the index, and no query uses it.',
  cure: 'Drop it, then repeat the REINDEX. The index that was to be rebuilt is still valid.',
  example: `REINDEX INDEX CONCURRENTLY orders_customer; -- is interrupted`,
  limits:
    'An index whose name ends in _ccnew or _ccold and which is valid is not reported; REINDEX CONCURRENTLY leaves invalid ones. An index that is being built at this moment is not reported.',
  async find({ session }) {
    const rows =
      await session.query<Record<'schema' | 'parent' | 'ownerSchema' | 'name', string>>(sql);
    return rows.map(({ schema, parent, ownerSchema, name }) => {
      const object = { kind: 'index', schema: ownerSchema, parent, name };
      return {
        object,
        message: `${objectName(object)} is a remainder of REINDEX CONCURRENTLY: writes maintain it, and no query uses it.`,
        help: 'Drop it',
        fix: `DROP INDEX CONCURRENTLY ${quoteName({ schema, name })};`,
      };
    });
  },
};

import { objectName } from '../../catalog/snapshot.ts';
import { isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';
import type { FoundColumn } from '../table-sql.ts';

/**
 * pg_upgrade preserves the OIDs of relations, types and roles alone (src/bin/pg_upgrade/check.c). Also found:
 * an array of such a type, and a domain over one.
 */
const sql = `SELECT n.nspname AS schema, c.relname AS parent, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
  WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND c.relpersistence <> 't'
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount = 0 AND ${isOfTeam('n', 'pg_class', 'c.oid')}
    AND '{regcollation,regconfig,regdictionary,regnamespace,regoper,regoperator,regproc,regprocedure}'::regtype[]
      && ARRAY[t.oid, t.typelem, t.typbasetype]::regtype[]
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum`;

export const regTypeColumn: Check = {
  name: 'reg-type-column',
  group: 'tables',
  severity: 'warning',
  isStatic: true,
  summary: 'No column has a type such as regproc or regconfig, which pg_upgrade rejects.',
  harm: 'pg_upgrade refuses the database, because the OIDs that such a column holds are others in the new cluster.',
  cure: 'Store the name as text, and cast it where it is used: name::regproc.',
  example: 'CREATE TABLE jobs (handler regprocedure);',
  limits:
    'regclass, regtype and regrole are not reported: pg_upgrade preserves these OIDs. Fields of composite types are not searched.',
  async find({ session }) {
    const columns = await session.query<FoundColumn>(sql);
    return columns.map(({ type, ...column }) => {
      const object = { kind: 'column', ...column };
      return {
        object,
        message: `${objectName(object)} has the type ${type}, with which pg_upgrade refuses the database.`,
        help: 'Store the name as text and cast it where it is used.',
      };
    });
  },
};

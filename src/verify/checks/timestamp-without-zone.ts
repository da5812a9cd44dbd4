import { objectName } from '../../catalog/snapshot.ts';
import type { Check } from '../definition.ts';
import { columnsWhere, type FoundColumn } from '../table-sql.ts';

const sql = columnsWhere("a.atttypid IN ('timestamp'::regtype, 'timestamp[]'::regtype)");

export const timestampWithoutZone: Check = {
  name: 'timestamp-without-zone',
  group: 'tables',
  severity: 'info',
  isStatic: true,
  summary: 'Columns that hold an instant have the type timestamptz.',
  harm: 'A timestamp does not say which instant it is: now() stores the local time of the session, so that sessions with different time zones disagree, and the hour at the end of summer time is ambiguous.',
  cure: "Change the column to timestamptz and name the zone of the existing values: ALTER COLUMN c TYPE timestamptz USING c AT TIME ZONE 'UTC'.",
  example: 'CREATE TABLE orders (placed_at timestamp NOT NULL DEFAULT now());',
  limits:
    'A column that holds a local time on purpose, such as the opening time of a shop, is reported too: allow it in the baseline.',
  async find({ session }) {
    const columns = await session.query<FoundColumn>(sql);
    return columns.map(({ type, ...column }) => {
      const object = { kind: 'column', ...column };
      return {
        object,
        message: `${objectName(object)} has the type ${type}, which does not determine an instant.`,
        help: `Change it to timestamptz, with the time zone of the existing values: ALTER COLUMN … TYPE timestamptz USING … AT TIME ZONE 'UTC'`,
      };
    });
  },
};

import { objectName } from '../../catalog/snapshot.ts';
import type { Check } from '../definition.ts';
import { columnsWhere, type FoundColumn } from '../table-sql.ts';

/** The default of the column draws from a sequence, or the column is an identity. */
const isGenerated = `(a.attidentity <> '' OR EXISTS (SELECT FROM pg_attrdef f
    JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
  WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum))`;

const sql = columnsWhere(`a.atttypid IN ('int2'::regtype, 'int4'::regtype) AND ${isGenerated}
  AND EXISTS (SELECT FROM pg_constraint o
    WHERE o.conrelid = c.oid AND o.contype = 'p' AND o.conkey = ARRAY[a.attnum])`);

export const intPrimaryKey: Check = {
  name: 'int-primary-key',
  group: 'tables',
  severity: 'info',
  isStatic: true,
  summary: 'Generated primary keys have the type bigint.',
  harm: 'An integer key ends at 2,147,483,647 (smallint at 32,767), rolled back inserts included; from then on every INSERT fails.',
  cure: 'Use bigint GENERATED ALWAYS AS IDENTITY for new tables. While the table is small, change the key and the columns that reference it by ALTER COLUMN … TYPE bigint.',
  example: 'CREATE TABLE events (id serial PRIMARY KEY);',
  limits:
    'Only keys of one column that draw from a sequence are reported. How far a key is used is reported by key-overflow.',
  async find({ session }) {
    const columns = await session.query<FoundColumn>(sql);
    return columns.map(({ type, ...column }) => {
      const object = { kind: 'column', ...column };
      return {
        object,
        message: `${objectName(object)} is a generated primary key of type ${type}.`,
        help: 'Use bigint, also for the columns that reference it.',
      };
    });
  },
};

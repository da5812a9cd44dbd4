import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check } from '../definition.ts';

/** The options of a table, and those of its TOAST table, which ALTER TABLE names `toast.…`. */
const sql = `SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'm' AS "isView",
    array_agg(o.name ORDER BY o.name) AS options
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
    CROSS JOIN LATERAL (
      SELECT option_name AS name, option_value AS value FROM pg_options_to_table(c.reloptions)
      UNION ALL SELECT 'toast.' || option_name, option_value FROM pg_options_to_table(t.reloptions)) o
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND ${isOfTeam('n', 'pg_class', 'c.oid')}
    AND o.name ~ '^(toast\\.)?autovacuum_enabled$' AND NOT o.value::boolean
  GROUP BY n.nspname, c.relname, c.relkind
  ${byName('n.nspname', 'c.relname')}`;

interface Unvacuumed extends Record<string, unknown> {
  schema: string;
  name: string;
  isView: boolean;
  /** Such as `toast.autovacuum_enabled`. */
  options: string[];
}

export const autovacuumOff: Check = {
  name: 'autovacuum-off',
  group: 'tables',
  severity: 'warning',
  isStatic: true,
  summary: 'Autovacuum is enabled for every table.',
  harm: 'Dead rows are not removed and statistics are not updated: the table grows, plans degrade, and in the end a forced vacuum against transaction ID wraparound runs at an unexpected time.',
  cure: 'ALTER TABLE … RESET (autovacuum_enabled). For a table that changes a lot, lower autovacuum_vacuum_scale_factor instead.',
  example: 'CREATE TABLE events (id bigint) WITH (autovacuum_enabled = false);',
  limits: 'The settings of the server (autovacuum, track_counts) are not checked.',
  async find({ session }) {
    const rows = await session.query<Unvacuumed>(sql);
    return rows.map(({ schema, name, isView, options }) => {
      const object = { kind: isView ? 'view' : 'table', schema, parent: '', name };
      const alter = `ALTER ${isView ? 'MATERIALIZED VIEW' : 'TABLE'} ${quoteName({ schema, name })}`;
      return {
        object,
        message: `${objectName(object)} is excluded from autovacuum (${options.join(', ')} = false).`,
        help: 'Remove the setting',
        fix: `${alter} RESET (${options.join(', ')});`,
      };
    });
  },
};

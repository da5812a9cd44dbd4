import { objectName } from '../../catalog/snapshot.ts';
import { quoteIdentifier as q, quoteName } from '../../db/quote.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check, Problem } from '../definition.ts';

/**
 * Triggers that are disabled, one row for each, or for each constraint that its internal triggers enforce.
 * A partition has a copy of each trigger of its partitioned table; the copy is reported only where the
 * original is enabled. Internal triggers are those of foreign keys, on both of their tables, and of deferrable keys.
 * A trigger of the application has the constraint 0, as a constraint that is no copy has the parent 0.
 */
const sql = `WITH disabled AS (
    SELECT t.*, n.nspname AS schema, c.relname AS parent FROM pg_trigger t
      JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE t.tgenabled = 'D' AND ${isOfTeam('n', 'pg_class', 'c.oid')}
      AND NOT EXISTS (SELECT FROM pg_trigger p WHERE p.oid = t.tgparentid AND p.tgenabled = 'D'))
  SELECT schema, parent, tgname AS name, NULL AS definition,
    json_build_array(json_build_object('schema', schema, 'table', parent, 'trigger', tgname)) AS triggers
  FROM disabled WHERE NOT tgisinternal OR tgconstraint = 0
  UNION ALL
  SELECT n.nspname, c.relname, o.conname, pg_get_constraintdef(o.oid),
    json_agg(json_build_object('schema', d.schema, 'table', d.parent, 'trigger', d.tgname)
      ORDER BY d.schema COLLATE "C", d.parent COLLATE "C", d.tgname COLLATE "C")
  FROM disabled d JOIN pg_constraint o ON o.oid = d.tgconstraint
    JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE d.tgisinternal AND NOT EXISTS (SELECT FROM disabled p WHERE p.tgconstraint = nullif(o.conparentid, 0))
  GROUP BY o.oid, n.nspname, c.relname, o.conname`;

const ordered = `SELECT * FROM (${sql}) found ${byName('schema', 'parent', 'name')}, definition`;

interface DisabledTrigger extends Record<'schema' | 'parent' | 'name', string> {
  /** Of the constraint that the triggers enforce. */
  definition: string | null;
  triggers: Record<'schema' | 'table' | 'trigger', string>[];
}

function problemOf({ schema, parent, name, definition, triggers }: DisabledTrigger): Problem {
  const object = { kind: definition === null ? 'trigger' : 'constraint', schema, parent, name };
  const fix = triggers
    .map((each) => {
      const table = quoteName({ schema: each.schema, name: each.table });
      return `ALTER TABLE ${table} ENABLE TRIGGER ${q(each.trigger)};`;
    })
    .join(' ');
  return {
    object,
    message:
      definition === null
        ? `The trigger ${objectName(object)} is disabled: it does not run.`
        : `${objectName(object)} is not enforced, because its internal triggers are disabled: ${definition}`,
    help:
      definition === null
        ? 'Enable it; it does not run for rows that were written meanwhile'
        : 'Enable them as a superuser; rows that were written meanwhile were not checked, so that the constraint should be added again NOT VALID and validated',
    fix,
  };
}

export const disabledTrigger: Check = {
  name: 'disabled-trigger',
  group: 'integrity',
  severity: 'error',
  isStatic: true,
  summary: 'Every trigger is enabled, also those by which the server enforces foreign keys.',
  harm: 'ALTER TABLE … DISABLE TRIGGER ALL switches foreign keys off: rows refer to rows that do not exist, ON DELETE does nothing, and no error is reported. An application trigger that is disabled writes nothing.',
  cure: 'Enable the triggers, and check the rows that were written meanwhile: drop the constraint, add it NOT VALID, and validate it.',
  example: `CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint REFERENCES customers);
ALTER TABLE orders DISABLE TRIGGER ALL;`,
  limits:
    'Triggers that run only on a replica (ENABLE REPLICA TRIGGER) are not reported, nor sessions with session_replication_role = replica, disabled rules and event triggers. The copy of a trigger on a partition is reported only where that of the partitioned table is enabled.',
  find: async ({ session }) =>
    (await session.query<DisabledTrigger & Record<string, unknown>>(ordered)).map(problemOf),
};

import { objectName } from '../../catalog/snapshot.ts';
import { quoteName } from '../../db/quote.ts';
import { byName, isOfTeam } from '../catalogue-sql.ts';
import type { Check, Problem } from '../definition.ts';
import { exposedOf } from '../exposed-schemas.ts';
import { isReachable } from '../privilege-sql.ts';
import { readsAsOwner, viewReads } from '../view-sql.ts';

/**
 * Row-level security restricts neither the owner of a table, unless it is forced, nor a superuser, nor a role with
 * BYPASSRLS. A view reads the views that it uses as its own owner does.
 */
const sql = `WITH RECURSIVE ${viewReads},
  reached AS (
    SELECT view, relation FROM reads
    UNION SELECT a.view, b.relation FROM reached a JOIN reads b ON b.view = a.relation)
  SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'm' AS "isMaterialized",
    array_agg(tn.nspname || '.' || t.relname ORDER BY tn.nspname, t.relname) AS tables
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles owner ON owner.oid = c.relowner
    JOIN reached ON reached.view = c.oid
    JOIN pg_class t ON t.oid = reached.relation AND t.relrowsecurity JOIN pg_namespace tn ON tn.oid = t.relnamespace
  WHERE c.relkind IN ('v', 'm') AND ${readsAsOwner} AND ${isOfTeam('n', 'pg_class', 'c.oid')} AND ${isReachable('c')}
    AND (owner.rolsuper OR owner.rolbypassrls OR t.relowner = c.relowner AND NOT t.relforcerowsecurity)
  GROUP BY n.nspname, c.relname, c.relkind
  ${byName('n.nspname', 'c.relname')}`;

interface OpenView extends Record<string, unknown> {
  schema: string;
  name: string;
  isMaterialized: boolean;
  /** Tables with row-level security that it reads, with their schemas. */
  tables: string[];
}

function problemOf({ schema, name, isMaterialized, tables }: OpenView): Problem {
  const object = { kind: 'view', schema, parent: '', name };
  return {
    object,
    message: `${objectName(object)} is served by an API and shows every row of ${tables.join(', ')}, whatever their policies.`,
    help: isMaterialized
      ? 'Move it to a schema that the API does not serve: a materialized view has no row-level security.'
      : `Where users may not see every row: ALTER VIEW ${quoteName({ schema, name })} SET (security_invoker = true);`,
  };
}

export const viewBypassesRls: Check = {
  name: 'view-bypasses-rls',
  group: 'security',
  severity: 'error',
  isStatic: true,
  summary:
    'No view in a schema that an API serves bypasses the row-level security of the tables that it reads.',
  harm: 'A view reads its tables with the rights of its owner, for whom no policy applies: users see the rows of one another.',
  cure: 'ALTER VIEW … SET (security_invoker = true), so that the policies of the reader apply. Move a materialized view, and a view that shows all rows on purpose, to another schema.',
  example: `SET pgrst.db_schemas = 'public';
CREATE TABLE notes (id bigint PRIMARY KEY, owner uuid, body text);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE VIEW recent_notes AS SELECT * FROM notes ORDER BY id DESC LIMIT 10;
GRANT SELECT ON recent_notes TO PUBLIC;`,
  limits:
    'The schemas are those of rls-off. A view that shows selected rows or columns of all users on purpose is reported: allow it in the baseline. What functions read is not followed.',
  async find(input) {
    const views = await input.session.query<OpenView>(sql);
    return (await exposedOf(input, views)).map(problemOf);
  },
};

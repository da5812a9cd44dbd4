import { quoteLiteral } from '../../db/quote.ts';
import { inView, parentOf, relationId, type Kind } from './kind.ts';

// No backslashes: their meaning depends on standard_conforming_strings.
const condition = `' WHEN [(](.*)[)] EXECUTE FUNCTION '`;

/**
 * A trigger, and whether it is enabled, including those inherited by partitions. Excluded are the
 * triggers of dbops, which fill a column while it is backfilled.
 */
export const trigger: Kind = {
  name: 'trigger',
  select: `SELECT 'trigger' AS kind, c.schema, c.relname AS parent, g.tgname AS name,
      json_build_object(
        'definition', regexp_replace(pg_get_triggerdef(g.oid), ${condition}, ' EXECUTE FUNCTION '),
        'enabled', g.tgenabled,
        'comment', obj_description(g.oid, 'pg_trigger')) AS properties,
      json_build_object('when', substring(pg_get_triggerdef(g.oid) FROM ${condition})) AS expressions
    FROM relations c JOIN pg_trigger g ON g.tgrelid = c.oid WHERE NOT g.tgisinternal
      AND NOT EXISTS (SELECT FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
        WHERE f.oid = g.tgfoid AND n.nspname ~ '^dbops(_|$)')`,
  respell(object, { text: when }, name) {
    const table = parentOf(object);
    return inView(when, `${table} AS old, ${table} AS new`, name);
  },
  definition: ({ schema, parent, name }) => `SELECT pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = ${relationId(schema, parent)} AND tgname = ${quoteLiteral(name)}`,
};

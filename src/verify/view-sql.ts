/**
 * SQL of whether the view `c` reads tables with the rights of its owner, as every materialized view does.
 */
export const readsAsOwner = `(c.relkind = 'm' OR c.relkind = 'v' AND NOT EXISTS (
    SELECT FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = 'security_invoker' AND o.option_value::boolean))`;

/** A common table expression: which relation which view reads, without those that other views read for it. */
export const viewReads = `reads AS (
    SELECT DISTINCT r.ev_class AS view, d.refobjid AS relation
    FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
      AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class)`;

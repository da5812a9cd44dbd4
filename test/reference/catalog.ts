import type { Queryable } from '../migrate/project.ts';

// One line an object, names always qualified. Written beside src/catalog on purpose: a test that
// read the catalog with the code it tests would share its blind spots.
const lines = `
  WITH own AS (
    SELECT oid, nspname FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'dbops')
  ), relation AS (
    SELECT c.*, c.oid::regclass::text AS name FROM pg_class c JOIN own ON own.oid = c.relnamespace
  )
  SELECT 'schema ' || nspname AS line FROM own WHERE nspname <> 'public'
  UNION ALL
  SELECT concat_ws(' ', 'relation', name, relkind, relpersistence, 'rls', relrowsecurity, relforcerowsecurity,
                   reloptions, relacl, relowner::regrole)
    FROM relation WHERE relkind NOT IN ('i', 'I', 't')
  UNION ALL
  SELECT concat_ws(' ', 'column', r.name,
                   row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), a.attname,
                   format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                   'identity', a.attidentity, 'generated', a.attgenerated,
                   pg_get_expr(d.adbin, d.adrelid), a.attacl)
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE r.relkind IN ('r', 'v', 'm', 'p', 'c')
  UNION ALL
  SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace IN (SELECT oid FROM own)
  UNION ALL
  SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), 'valid', i.indisvalid, 'ready', i.indisready)
    FROM pg_index i JOIN relation r ON r.oid = i.indexrelid AND r.relkind IN ('i', 'I')
  UNION ALL
  SELECT concat_ws(' ', 'function', pg_get_functiondef(p.oid), p.proacl)
    FROM pg_proc p JOIN own ON own.oid = p.pronamespace WHERE p.prokind IN ('f', 'p')
  UNION ALL
  SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT concat_ws(' ', 'policy', r.name, polname, polcmd, polpermissive, polroles,
                   pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid))
    FROM pg_policy JOIN relation r ON r.oid = polrelid
  UNION ALL
  SELECT concat_ws(' ', 'view', name, pg_get_viewdef(oid)) FROM relation WHERE relkind IN ('v', 'm')
  UNION ALL
  SELECT concat_ws(' ', 'enum', e.enumtypid::regtype, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder))
    FROM pg_enum e GROUP BY e.enumtypid
  UNION ALL
  SELECT concat_ws(' ', 'sequence', seqrelid::regclass, seqtypid::regtype, seqincrement, seqstart, seqcycle)
    FROM pg_sequence JOIN relation r ON r.oid = seqrelid
  UNION ALL
  SELECT concat_ws(' ', 'comment', pg_describe_object(classoid, objoid, objsubid), description)
    FROM pg_description WHERE objoid >= 16384
  UNION ALL
  SELECT concat_ws(' ', 'default privileges', defaclobjtype, defaclacl) FROM pg_default_acl
  ORDER BY 1`;

/** Everything that migrations have made in a database, but for what dbops keeps for itself. */
export async function catalogOf({ query }: Queryable): Promise<string[]> {
  const sql = `SELECT line FROM (SELECT set_config('search_path', '', true)) s, LATERAL (${lines}) l`;
  return (await query<{ line: string }>(sql)).map(({ line }) => line);
}

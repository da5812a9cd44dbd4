import { NotChecked, type CheckInput, type Problem } from './definition.ts';

/**
 * PostgREST reads `pgrst.db_schemas` as its role `authenticator` has it. A Supabase platform, which has `auth.uid()`
 * and the role `anon`, serves `public` unless it is configured otherwise.
 */
const sql = `SELECT coalesce(
    nullif(current_setting('pgrst.db_schemas', true), ''),
    (SELECT substr(c.entry, length('pgrst.db_schemas=') + 1)
      FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c (entry)
      WHERE starts_with(c.entry, 'pgrst.db_schemas=')
        AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
      ORDER BY s.setdatabase DESC LIMIT 1),
    CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon')
      AND EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'auth' AND p.proname = 'uid' AND p.pronargs = 0) THEN 'public' END) AS schemas`;

/**
 * Returns those objects that are in a schema which an API serves.
 *
 * @throws NotChecked where there are any and it is unknown which schemas are served
 */
export async function exposedOf<T extends { schema: string }>(
  { session, exposedSchemas }: Pick<CheckInput, 'session' | 'exposedSchemas'>,
  objects: readonly T[],
): Promise<T[]> {
  if (objects.length === 0) return [];
  const exposed = exposedSchemas ?? (await declaredIn(session));
  if (!exposed)
    throw new NotChecked(
      'it is not known which schemas an API serves',
      'List them in the configuration, or none: verify: { exposedSchemas: [] }',
    );
  return objects.filter(({ schema }) => exposed.includes(schema));
}

/** Returns a problem for each configured schema that does not exist: nothing is known of what an API serves there. */
export async function missingSchemas({
  session,
  exposedSchemas = [],
}: Pick<CheckInput, 'session' | 'exposedSchemas'>): Promise<Problem[]> {
  if (exposedSchemas.length === 0) return [];
  const missing = await session.query<{ name: string }>(
    `SELECT s.name FROM unnest($1::text[]) s (name)
      WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = s.name)`,
    [exposedSchemas],
  );
  return missing.map(({ name }) => ({
    object: { kind: 'schema', schema: '', parent: '', name },
    isNotChecked: true,
    severity: 'warning',
    message: `The schema ${name} was not checked: verify.exposedSchemas names it, and it does not exist.`,
    help: 'Correct the name in the configuration, or apply the migration that creates the schema.',
  }));
}

async function declaredIn(session: CheckInput['session']): Promise<string[] | undefined> {
  const [row] = await session.query<{ schemas: string | null }>(sql);
  return row?.schemas?.split(',').map((name) => name.trim().replaceAll(/^"|"$/g, ''));
}

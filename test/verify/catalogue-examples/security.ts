import type { CatalogueExamples } from './example.ts';

const exposed = { settings: { exposedSchemas: ['public'] } };

/** Roles belong to the server, which other tests may have given them. */
const role = (name: string) => `DO $$ BEGIN CREATE ROLE ${name}; EXCEPTION
  WHEN duplicate_object OR unique_violation THEN END $$;`;

/** What Supabase has before the first migration, as far as it is needed. */
const supabase = `${role('anon')} ${role('authenticated')} CREATE SCHEMA auth; CREATE TABLE auth.users (id uuid PRIMARY KEY, email text);
  CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid';
  CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS 'SELECT NULL::jsonb';`;

/** A table with row-level security. */
const secured =
  'CREATE TABLE t (id int PRIMARY KEY, owner uuid); ALTER TABLE t ENABLE ROW LEVEL SECURITY;';

const app = 'dbops_example_app';

export const security: CatalogueExamples = {
  'rls-off': [
    {
      title: 'a table and a partitioned table, whose partition is not reported',
      ...exposed,
      sql: `CREATE TABLE t (id int); CREATE TABLE p (id int) PARTITION BY LIST (id);
        CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1); GRANT SELECT ON t, p, p_1 TO PUBLIC`,
      finds: ['rls-off:public.p', 'rls-off:public.t'],
    },
    {
      title: 'a table in a schema that PostgREST is configured to serve',
      sql: `SET LOCAL pgrst.db_schemas = 'api, public'; CREATE SCHEMA api; CREATE TABLE api.t (id int); GRANT SELECT (id) ON api.t TO PUBLIC`,
      finds: ['rls-off:api.t'],
    },
    {
      title: 'the same by the settings of a role',
      sql: `CREATE ROLE ${app}; ALTER ROLE ${app} SET pgrst.db_schemas = 'api'; CREATE SCHEMA api; CREATE TABLE api.t (id int)`,
      finds: ['rls-off:api.t'],
    },
    {
      title: 'a table in public of Supabase',
      sql: `${supabase} CREATE TABLE t (id int); GRANT SELECT ON t TO anon`,
      finds: ['rls-off:public.t'],
    },
    {
      title: 'unknown schemas are a finding, not silence',
      sql: 'CREATE TABLE t (id int)',
      finds: ['not-checked:rls-off'],
      severities: ['info'],
    },
    {
      title:
        'a table with row-level security, one that only its owner may use, and one in another schema',
      ...exposed,
      sql: `${secured} CREATE TABLE u (id int); REVOKE ALL ON u FROM PUBLIC; CREATE SCHEMA private; CREATE TABLE private.t (id int)`,
      finds: [],
    },
    {
      title: 'a schema in the configuration that does not exist',
      settings: { exposedSchemas: ['pubilc'] },
      sql: 'CREATE TABLE t (id int)',
      finds: ['not-checked:rls-off/pubilc'],
      severities: ['warning'],
    },
    {
      title: 'an application without an API',
      settings: { exposedSchemas: [] },
      sql: 'CREATE TABLE t (id int)',
      finds: [],
    },
  ],
  'view-bypasses-rls': [
    {
      title: 'a view, a view on it, and a materialized view',
      ...exposed,
      sql: `${secured} CREATE VIEW a AS SELECT * FROM t; CREATE VIEW b WITH (security_invoker = false) AS SELECT * FROM a;
        CREATE MATERIALIZED VIEW c AS SELECT * FROM t; GRANT SELECT ON a, b, c TO PUBLIC`,
      finds: [
        'view-bypasses-rls:public.a',
        'view-bypasses-rls:public.b',
        'view-bypasses-rls:public.c',
      ],
    },
    {
      title:
        'a view with security_invoker, one on another table, and one that only its owner may use',
      ...exposed,
      sql: `${secured} CREATE VIEW a WITH (security_invoker) AS SELECT * FROM t; CREATE TABLE u (id int); CREATE VIEW b AS SELECT * FROM u;
        CREATE VIEW c AS SELECT * FROM t; REVOKE ALL ON c FROM PUBLIC`,
      finds: [],
    },
    {
      title: 'a view of a role that the policies restrict',
      ...exposed,
      sql: `${secured} CREATE ROLE ${app}; GRANT SELECT ON t TO ${app}; CREATE VIEW a AS SELECT * FROM t; ALTER VIEW a OWNER TO ${app}`,
      finds: [],
    },
  ],
  'policy-without-rls': [
    {
      title: 'a table and a partitioned table',
      sql: `CREATE TABLE t (id int); CREATE POLICY mine ON t USING (id = 1);
        CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE POLICY mine ON p USING (id = 1)`,
      finds: ['policy-without-rls:public.p', 'policy-without-rls:public.t'],
    },
    {
      title: 'a table with row-level security',
      sql: `${secured} CREATE POLICY mine ON t USING (id = 1); CREATE TABLE u (id int)`,
      finds: [],
    },
  ],
  'auth-users-exposed': [
    {
      title: 'a view, a view on it, and a materialized view',
      sql: `${supabase} CREATE VIEW a AS SELECT * FROM auth.users; CREATE VIEW b WITH (security_invoker) AS SELECT * FROM a;
        CREATE MATERIALIZED VIEW c AS SELECT email FROM auth.users; GRANT USAGE ON SCHEMA public TO anon;
        GRANT SELECT ON a, c TO anon`,
      finds: ['auth-users-exposed:public.a', 'auth-users-exposed:public.c'],
    },
    {
      title: 'a view that these roles may not read, and one with the rights of its reader',
      sql: `${supabase} ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY; CREATE VIEW a AS SELECT * FROM auth.users;
        CREATE VIEW b WITH (security_invoker) AS SELECT * FROM auth.users; GRANT SELECT ON b TO anon, authenticated`,
      finds: [],
    },
    {
      title: 'a table users of a database without these roles',
      sql: 'CREATE SCHEMA auth; CREATE TABLE auth.users (id int); CREATE VIEW a AS SELECT * FROM auth.users',
      finds: [],
    },
  ],
  'function-search-path': [
    {
      title: 'SECURITY DEFINER, in PL/pgSQL and SQL, and a function with the rights of its caller',
      sql: `CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN 1; END';
        CREATE FUNCTION b(int, text) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        CREATE FUNCTION c() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
        CREATE PROCEDURE d() LANGUAGE plpgsql SECURITY DEFINER SET work_mem = '1MB' AS 'BEGIN END'`,
      finds: [
        'function-search-path:public.a()',
        'function-search-path:public.b(integer, text)',
        'function-search-path:public.c()',
        'function-search-path:public.d()',
      ],
      severities: ['error', 'error', 'info', 'error'],
    },
    {
      title: 'a search_path, a function in SQL that can be inlined, and a body that is parsed',
      sql: `CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS 'BEGIN RETURN 1; END';
        CREATE FUNCTION b() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION c() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1;
        CREATE AGGREGATE d(int) (sfunc = int4pl, stype = int)`,
      finds: [],
    },
  ],
  'public-definer-function': [
    {
      title: 'a function with the default privileges',
      sql: `CREATE FUNCTION "Erase"(int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS 'BEGIN RETURN 1; END';
        GRANT USAGE ON SCHEMA public TO PUBLIC`,
      finds: ['public-definer-function:public."Erase(integer)"'],
    },
    {
      title: 'a grant to anon, which a revocation from PUBLIC leaves',
      sql: `${role('anon')} ${role('authenticated')} GRANT USAGE ON SCHEMA public TO PUBLIC;
        CREATE FUNCTION a() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1; GRANT EXECUTE ON FUNCTION a TO anon;
        CREATE FUNCTION b() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1; GRANT EXECUTE ON FUNCTION b TO anon, authenticated;
        CREATE FUNCTION c() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1; GRANT EXECUTE ON FUNCTION c TO authenticated;
        REVOKE EXECUTE ON FUNCTION b, c FROM PUBLIC`,
      finds: ['public-definer-function:public.a()', 'public-definer-function:public.b()'],
      says: ['and PUBLIC and anon may execute it', 'and anon may execute it'],
    },
    {
      title: 'a function that only answers yes or no',
      sql: `CREATE FUNCTION is_free(text) RETURNS boolean STABLE LANGUAGE sql SECURITY DEFINER RETURN true; GRANT USAGE ON SCHEMA public TO PUBLIC`,
      finds: ['public-definer-function:public.is_free(text)'],
      severities: ['info'],
    },
    {
      title:
        'a revoked privilege, a trigger function, one that a policy calls, and one in a schema of its owner',
      sql: `CREATE FUNCTION a() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1; REVOKE EXECUTE ON FUNCTION a FROM PUBLIC;
        CREATE FUNCTION b() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END';
        CREATE FUNCTION c() RETURNS boolean LANGUAGE sql SECURITY DEFINER RETURN true; ${secured} CREATE POLICY mine ON t USING (c());
        CREATE SCHEMA private; CREATE FUNCTION private.d() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1;
        CREATE FUNCTION e() RETURNS int LANGUAGE sql RETURN 1`,
      finds: [],
    },
  ],
  'public-create': [
    {
      title: 'the grant of servers before PostgreSQL 15, and a schema of a team',
      sql: `GRANT CREATE ON SCHEMA public TO PUBLIC; CREATE SCHEMA "Shop"; GRANT ALL ON SCHEMA "Shop" TO PUBLIC`,
      finds: ['public-create:Shop', 'public-create:public'],
    },
    {
      title: 'USAGE for PUBLIC, and CREATE for a role',
      sql: `CREATE ROLE ${app}; GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT CREATE ON SCHEMA public TO ${app}`,
      finds: [],
    },
  ],
  'always-true-write-policy': [
    {
      title: 'true, in some of its spellings',
      sql: `${secured} CREATE POLICY a ON t FOR INSERT WITH CHECK (true); CREATE POLICY b ON t FOR UPDATE USING (1 = 1);
        CREATE POLICY c ON t FOR DELETE USING (NOT false); CREATE POLICY d ON t USING (true OR owner IS NULL);
        CREATE POLICY e ON t FOR UPDATE USING (owner IS NOT NULL) WITH CHECK ((SELECT true));
        CREATE POLICY f ON t FOR DELETE USING ('a' = 'a' AND coalesce(NULL, 't')::boolean)`,
      finds: ['a', 'b', 'c', 'd', 'e', 'f'].map(
        (policy) => `always-true-write-policy:${policy} on public.t`,
      ),
    },
    {
      title: 'a partitioned table',
      sql: `CREATE TABLE t (id int) PARTITION BY LIST (id); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        CREATE POLICY a ON t FOR DELETE USING (true)`,
      finds: ['always-true-write-policy:a on public.t'],
    },
    {
      title: 'reading, a condition, the role of a server, and false',
      sql: `${secured} CREATE ROLE ${app}; CREATE POLICY a ON t FOR SELECT USING (true); CREATE POLICY b ON t USING (owner IS NOT NULL);
        CREATE POLICY c ON t TO ${app} USING (true) WITH CHECK (true); CREATE POLICY d ON t FOR DELETE USING (true AND 1 = 2);
        CREATE POLICY e ON t FOR UPDATE USING (id = id); CREATE POLICY f ON t FOR INSERT WITH CHECK (NULL OR false)`,
      finds: [],
    },
    {
      title: 'a restrictive policy that limits it',
      sql: `${secured} CREATE POLICY a ON t USING (true); CREATE POLICY b ON t AS RESTRICTIVE USING (owner IS NOT NULL)`,
      finds: [],
    },
    {
      title: 'a restrictive policy that limits nothing, or other statements',
      sql: `${secured} CREATE POLICY a ON t FOR DELETE USING (true); CREATE POLICY b ON t AS RESTRICTIVE USING (true);
        CREATE POLICY c ON t AS RESTRICTIVE FOR UPDATE USING (owner IS NOT NULL)`,
      finds: ['always-true-write-policy:a on public.t'],
    },
  ],
  'unwrapped-auth-call': [
    {
      title: 'a call for each row',
      sql: `${supabase} ${secured} CREATE POLICY mine ON t USING (owner = auth.uid())`,
      finds: ['unwrapped-auth-call:mine on public.t'],
    },
    {
      title: 'one of two calls in a subquery, and a call in WITH CHECK',
      sql: `${supabase} ${secured} CREATE POLICY a ON t USING (owner = (SELECT auth.uid()) OR owner = auth.uid());
        CREATE POLICY "B" ON t FOR INSERT WITH CHECK (auth.jwt() ->> 'größe' = 'x' AND auth.jwt() ->> 'a' = 'b')`,
      finds: ['unwrapped-auth-call:"B" on public.t', 'unwrapped-auth-call:a on public.t'],
    },
    {
      title: 'current_setting() in a cast and in the arguments of a function',
      sql: `${secured} CREATE POLICY a ON t USING (owner = current_setting('app.user', true)::uuid);
        CREATE POLICY b ON t USING (owner = coalesce(nullif(current_setting(('app.' || 'user')), '')::uuid, owner))`,
      finds: ['unwrapped-auth-call:a on public.t', 'unwrapped-auth-call:b on public.t'],
    },
    {
      title: 'a call while the schema auth is on the search_path',
      sql: `${supabase} ${secured} SET LOCAL search_path = auth, public; CREATE POLICY mine ON t USING (owner = uid())`,
      finds: ['unwrapped-auth-call:mine on public.t'],
    },
    {
      title:
        'calls in subqueries, a function of the team with this name, and a setting named by a column',
      sql: `${supabase} ${secured} CREATE FUNCTION uid() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid';
        CREATE POLICY a ON t USING (owner = (SELECT auth.uid()) AND id = (SELECT current_setting('a.b', true)::int));
        CREATE POLICY b ON t USING (owner = public.uid()); CREATE POLICY c ON t USING (current_setting('app.u' || id) = 'x');
        CREATE POLICY d ON t USING (owner::text = 'auth.uid()')`,
      finds: [],
    },
  ],
  'rls-not-forced': [
    {
      title: 'a table of the role that the application logs in as',
      settings: { applicationRoles: [app] },
      sql: `${secured} CREATE POLICY mine ON t USING (owner IS NULL); CREATE ROLE ${app} LOGIN; ALTER TABLE t OWNER TO ${app}`,
      finds: ['rls-not-forced:public.t'],
    },
    {
      title: 'a table of a role that may log in, and that alone has privileges',
      sql: `${secured} CREATE POLICY mine ON t USING (owner IS NULL); CREATE ROLE ${app} LOGIN; ALTER TABLE t OWNER TO ${app}`,
      finds: ['rls-not-forced:public.t'],
    },
    {
      title: 'a table on which another role has privileges',
      sql: `${secured} CREATE POLICY mine ON t USING (owner IS NULL); CREATE ROLE ${app} LOGIN; ALTER TABLE t OWNER TO ${app};
        GRANT SELECT ON t TO PUBLIC`,
      finds: [],
    },
    {
      title: 'a table with FORCE, one without policies, and one of a superuser',
      sql: `${secured} CREATE POLICY mine ON t USING (owner IS NULL); CREATE ROLE ${app} LOGIN; CREATE TABLE u (id int); ALTER TABLE u OWNER TO ${app};
        CREATE TABLE v (id int); ALTER TABLE v ENABLE ROW LEVEL SECURITY; ALTER TABLE v FORCE ROW LEVEL SECURITY;
        CREATE POLICY mine ON v USING (true); ALTER TABLE v OWNER TO ${app}`,
      finds: [],
    },
  ],
  'bypassing-role': [
    {
      title: 'a superuser and a role with BYPASSRLS',
      settings: { applicationRoles: [app, `${app}_2`, `${app}_3`] },
      sql: `CREATE ROLE ${app} SUPERUSER; CREATE ROLE ${app}_2 BYPASSRLS; CREATE ROLE ${app}_3`,
      finds: [`bypassing-role:${app}`, `bypassing-role:${app}_2`],
    },
    {
      title: 'a role in the configuration that does not exist',
      settings: { applicationRoles: [`${app}_gone`] },
      sql: 'CREATE TABLE t (id int)',
      finds: [`not-checked:bypassing-role/${app}_gone`],
      severities: ['info'],
    },
    {
      title: 'unknown roles, where there are policies',
      sql: `${secured} CREATE POLICY mine ON t USING (owner IS NULL)`,
      finds: ['not-checked:bypassing-role'],
      severities: ['info'],
    },
    {
      title: 'unknown roles, where there are no policies',
      sql: 'CREATE TABLE t (id int)',
      finds: [],
    },
  ],
  'rls-without-policy': [
    {
      title: 'a table without a policy',
      sql: secured,
      finds: ['rls-without-policy:public.t'],
    },
    {
      title: 'a table with a policy, and a partition without',
      sql: `CREATE TABLE t (id int) PARTITION BY LIST (id); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        CREATE POLICY a ON t USING (id = 1); CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1); ALTER TABLE t_1 ENABLE ROW LEVEL SECURITY`,
      finds: [],
    },
  ],
  'multiple-permissive-policies': [
    {
      title: 'two policies for one statement of the same role',
      sql: `${secured} CREATE POLICY a ON t USING (id = 1); CREATE POLICY b ON t FOR SELECT USING (id = 2)`,
      finds: ['multiple-permissive-policies:public.t/SELECT'],
    },
    {
      title: 'policies for other statements, for other roles, and a restrictive one',
      sql: `${secured} CREATE ROLE ${app}; CREATE ROLE ${app}_2; CREATE POLICY a ON t FOR SELECT TO ${app} USING (id = 1);
        CREATE POLICY b ON t FOR SELECT TO ${app}_2 USING (id = 2); CREATE POLICY c ON t FOR INSERT WITH CHECK (id = 1);
        CREATE POLICY d ON t AS RESTRICTIVE USING (id = 1)`,
      finds: [],
    },
  ],
};

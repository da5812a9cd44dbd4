import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectedOf } from '../../src/catalog/scope.ts';
import { extensionsFor } from '../../src/shadow/extensions.ts';
import { replay } from '../../src/shadow/replay.ts';
import { withShadow } from '../../src/shadow/shadow.ts';
import { fullSnapshot, inScratchTransaction, keyOfObject } from '../../src/catalog/snapshot.ts';
import type { Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import type { Format } from '../../src/formats/format.ts';
import { supabase } from '../../src/formats/supabase/index.ts';
import { supabasePlatform } from '../../src/formats/supabase/platform.ts';
import type { Migration } from '../../src/migration.ts';
import { folderOf } from '../cli/run-cli.ts';
import { withSession } from '../db/session.ts';
import { inTurn, servers, targets, withDatabase } from '../db/targets.ts';
import { unsurrounded } from './comparison.ts';
import { trialOf } from './trial.ts';

const { signal } = new AbortController();

const shadows = targets.map((target) => ({
  name: target.name,
  server: target.kind === 'server' ? parseTarget(target.adminUrl) : undefined,
}));

function migrationsOf(...files: string[]): Migration[] {
  return files.map((sql, at) => {
    const name = `2024010${at}_m`;
    return { name, hash: '', up: { kind: 'sql', file: `/folder/${name}.sql`, sql } };
  });
}

interface Scene {
  server: ReturnType<typeof parseTarget> | undefined;
  files: string[];
  format?: Format;
}

/** What Supabase migrations make, and what `ask` then reads in the shadow. */
function replayed<T>(
  { server, files, format = supabase }: Scene,
  ask: (shadow: Session) => Promise<T>,
) {
  const migrations = migrationsOf(...files);
  const extensions = extensionsFor(migrations, format);
  return withShadow({ server, signal, extensions }, async (shadow) => {
    let given = new Set<string>();
    const read = () => inScratchTransaction(shadow, () => fullSnapshot(shadow));
    await replay(shadow, migrations, format, async (length) => {
      if (length === 0) given = new Set((await read()).map(keyOfObject));
    });
    const surroundings = { ...unsurrounded, given };
    const made = expectedOf(await read(), surroundings)
      .filter(({ kind }) => ['table', 'constraint', 'policy', 'index', 'trigger'].includes(kind))
      .map(({ kind, schema, name }) => `${kind} ${schema}.${name}`);
    return { made: made.toSorted(), answer: await ask(shadow) };
  });
}

const starter = `
  CREATE TABLE profiles (
    id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE, key uuid DEFAULT uuid_generate_v4(),
    token text DEFAULT encode(gen_random_bytes(8), 'hex'));
  ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON profiles TO authenticated USING (auth.uid() = id AND auth.jwt() ->> 'aal' = 'aal2');
  CREATE FUNCTION on_sign_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN INSERT INTO public.profiles (id) VALUES (NEW.id); RETURN NEW; END $$;
  CREATE TRIGGER on_sign_up AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION on_sign_up();
  GRANT ALL ON profiles TO anon, authenticated, service_role, supabase_auth_admin;
  INSERT INTO storage.buckets (id, name, public) VALUES ('avatars', 'avatars', true);
  CREATE POLICY pictures ON storage.objects FOR INSERT TO authenticated
    WITH CHECK (bucket_id = 'avatars' AND (storage.foldername(name))[1] = auth.uid()::text AND storage.extension(name) = 'png');
  CREATE POLICY listen ON realtime.messages FOR SELECT TO authenticated USING (realtime.topic() = 'room');
  ALTER PUBLICATION supabase_realtime ADD TABLE profiles;
  CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;
  INSERT INTO auth.users (id, email, raw_user_meta_data) VALUES (gen_random_uuid(), 'a@example.com', '{}');`;

describe.each(shadows)('the prelude of Supabase on $name', ({ server }) => {
  it('has what migrations refer to, and is not attributed to them', async () => {
    const { made, answer } = await replayed({ server, files: [starter] }, (shadow) =>
      shadow.query('SELECT email FROM auth.users JOIN public.profiles USING (id)'),
    );
    expect(answer).toEqual([{ email: 'a@example.com' }]);
    expect(made).toEqual([
      'constraint public.profiles_id_fkey',
      'constraint public.profiles_pkey',
      'index public.profiles_pkey',
      'policy public.own',
      'policy realtime.listen',
      'policy storage.pictures',
      'table public.profiles',
      'trigger auth.on_sign_up',
    ]);
  });

  it('separates what migrations add to its tables from its own objects', async () => {
    const index = 'CREATE INDEX objects_owner ON storage.objects (owner)';
    const { made } = await replayed({ server, files: ['SELECT 1', index] }, async () => {});
    expect(made).toEqual(['index storage.objects_owner']);
  });

  it('gives each file the search_path of the platform', async () => {
    const dump = `SELECT set_config('search_path', '', false); CREATE TABLE public.a ();`;
    const { answer } = await replayed({ server, files: [dump, 'CREATE TABLE b ()'] }, (shadow) =>
      shadow.query(
        `SELECT FROM pg_class WHERE oid IN ('public.a'::regclass, 'public.b'::regclass)`,
      ),
    );
    expect(answer).toHaveLength(2);
  });

  it('answers for the signed-in user as the platform does', async () => {
    const id = '6a3c4f62-0b5e-4c3a-9f0e-0d8d6f2b1c11';
    const { answer } = await replayed({ server, files: [] }, async (shadow) => {
      const claims = JSON.stringify({ sub: id, role: 'authenticated', email: 'a@example.com' });
      await shadow.query(`SELECT set_config('request.jwt.claims', $1, false)`, [claims]);
      return shadow.query(`SELECT auth.uid(), auth.role(), auth.email(),
        storage.foldername('a/b/c.tar.gz') AS folders, storage.filename('a/b/c.tar.gz') AS file, storage.extension('a/b/c.tar.gz') AS ending`);
    });
    const signedIn = { uid: id, role: 'authenticated', email: 'a@example.com' };
    expect(answer).toEqual([{ ...signedIn, folders: ['a', 'b'], file: 'c.tar.gz', ending: 'gz' }]);
  });
});

describe('extensions of Supabase that PGlite lacks', () => {
  const scene = (...files: string[]): Scene => ({ server: undefined, files });

  it('can be used as far as a schema goes', async () => {
    const files = [
      `CREATE EXTENSION IF NOT EXISTS pg_net WITH SCHEMA extensions; CREATE EXTENSION pg_cron WITH SCHEMA pg_catalog;
       CREATE EXTENSION IF NOT EXISTS supabase_vault WITH SCHEMA vault; CREATE EXTENSION IF NOT EXISTS "pg_graphql" WITH SCHEMA "graphql";
       CREATE EXTENSION IF NOT EXISTS pgsodium WITH SCHEMA pgsodium; CREATE EXTENSION pgjwt WITH SCHEMA extensions;
       CREATE EXTENSION http WITH SCHEMA extensions; CREATE EXTENSION pg_jsonschema WITH SCHEMA extensions;
       GRANT USAGE ON SCHEMA cron TO postgres; GRANT ALL ON ALL TABLES IN SCHEMA cron TO postgres;
       CREATE TABLE a (doc json CHECK (extensions.json_matches_schema('{}', doc)));`,
      `SELECT vault.create_secret('s3cret', 'key'); SELECT cron.unschedule('x') WHERE false;
       SELECT cron.schedule('nightly', '0 3 * * *', $$SELECT net.http_post(url := 'https://example.com')$$);
       SELECT net.http_post(url := 'https://example.com', body := jsonb_build_object('key', decrypted_secret)) FROM vault.decrypted_secrets;`,
    ];
    const { made, answer } = await replayed(scene(...files), (shadow) =>
      shadow.query(`SELECT jobname, url FROM cron.job, net.http_request_queue`),
    );
    expect(answer).toEqual([{ jobname: 'nightly', url: 'https://example.com' }]);
    expect(made).toEqual(['constraint public.a_doc_check', 'table public.a']);
  });

  it('can be made, each of them', async () => {
    const names = Object.keys(supabasePlatform.standIns);
    const make = names.map(
      (name) => `CREATE EXTENSION IF NOT EXISTS "${name}" WITH SCHEMA extensions;`,
    );
    // Two insist on a schema, as the real ones do; they are there from the start.
    const script = make.filter((line) => !line.includes('pgsodium')).join('\n');
    const { answer } = await replayed(scene(script), (shadow) =>
      shadow.query('SELECT extname FROM pg_extension WHERE extname = ANY ($1)', [names]),
    );
    expect(answer).toHaveLength(names.length - 1);
  });

  it('are no extensions of other formats', async () => {
    const { platform: _, ...format } = supabase;
    const run = replayed({ ...scene('CREATE EXTENSION pg_cron'), format }, async () => {});
    await expect(run).rejects.toMatchObject({ code: 'SHADOW.EXTENSION' });
  });
});

describe.each(servers)('a shadow of Supabase on $name', (target) => {
  const it = inTurn(target, servers);
  const { adminUrl, major } = target;
  const server = parseTarget(adminUrl);
  const script = (sql: string) => withSession(adminUrl, (session) => session.script(sql));

  it('names an extension that the server lacks', async () => {
    const run = replayed({ server, files: ['CREATE EXTENSION pg_net'] }, async () => {});
    await expect(run).rejects.toMatchObject({
      code: 'SHADOW.EXTENSION',
      message: '20240100_m needs the extension pg_net, which the server of --shadow-url lacks.',
    });
  });

  it('leaves roles without any right, also when several start at once', async () => {
    await Promise.all([1, 2, 3].map(() => replayed({ server, files: [] }, async () => {})));
    const roles = await withSession(adminUrl, (session) =>
      session.query(`SELECT bool_or(rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole) AS mighty
        FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role', 'supabase_admin')`),
    );
    expect(roles).toEqual([{ mighty: false }]);
  });

  it('needs no superuser, only the right to make the roles that are missing', async () => {
    const name = `weak_${major}_${process.pid}`;
    await script(`CREATE ROLE ${name} LOGIN CREATEDB CREATEROLE PASSWORD 'weak'`);
    const url = Object.assign(new URL(adminUrl), { username: name, password: 'weak' });
    const weak = { server: parseTarget(url.href), files: [starter] };
    const prelude = `CREATE ROLE of_${name}`;
    const format = { ...supabase, platform: { ...supabasePlatform, prelude } };
    try {
      expect((await replayed(weak, async () => {})).made).toContain('table public.profiles');
      await script(`ALTER ROLE ${name} NOCREATEROLE`);
      // Now they are there, and need not be made.
      expect((await replayed(weak, async () => {})).made).toContain('table public.profiles');
      await expect(replayed({ ...weak, format }, async () => {})).rejects.toMatchObject({
        code: 'SHADOW.PLATFORM',
        exitCode: 1,
        reason: expect.arrayContaining([expect.stringContaining('42501')]),
      });
    } finally {
      await script(`DROP ROLE ${name}`);
    }
  });
});

describe.each(servers)('verify of a Supabase database on $name', (server) => {
  const it = inTurn(server, servers);
  it('is silent about the platform, and not about the rest', () =>
    withDatabase(server, async (url) => {
      const root = folderOf({
        'supabase/migrations/20240101000000_a.sql': `CREATE TABLE a (id uuid REFERENCES auth.users);
          CREATE INDEX objects_owner ON storage.objects (owner);`,
      });
      const trial = trialOf(url, join(root, 'supabase/migrations'));
      await trial.sql(`SET search_path = public; ${supabasePlatform.prelude}
        CREATE TABLE auth.of_tomorrow (id int PRIMARY KEY); DROP TABLE storage.migrations;
        CREATE SCHEMA cron; CREATE TABLE cron.job (id int)`);
      await trial.migrateUp();
      const ofSchema = { words: ['schema'] };
      expect(await trial.findings(ofSchema)).toEqual([]);
      expect(await trial.findings({ words: ['health'] })).toEqual([
        'no-primary-key public.a',
        'rls-off public.a',
      ]);
      await trial.sql('CREATE TABLE by_hand (); DROP INDEX storage.objects_owner');
      expect(await trial.findings(ofSchema)).toEqual([
        'extra-table public.by_hand',
        'missing-index objects_owner on storage.objects',
      ]);
    }));

  it('knows the platform under the folder of another tool', () =>
    withDatabase(server, async (url) => {
      const trial = trialOf(url, folderOf({ '0001_a.up.sql': 'CREATE TABLE a (id int)' }));
      await trial.sql(`${supabasePlatform.prelude}
        ALTER SCHEMA auth OWNER TO supabase_auth_admin; CREATE TABLE by_hand ()`);
      await trial.migrateUp('--into-existing');
      expect(await trial.findings({ words: ['schema'] })).toEqual(['extra-table public.by_hand']);
    }));
});

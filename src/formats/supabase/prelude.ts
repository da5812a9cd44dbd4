/**
 * SQL for the objects of a new Supabase database that migrations refer to: roles, schemas, tables
 * with their columns and keys, functions with their signatures.
 *
 * Sources: supabase/postgres (`migrations/db`), supabase/auth
 * (`migrations`, up to 20260625), supabase/storage (`migrations/tenant`, up to 0063) and
 * supabase/realtime (`lib/realtime/tenants/repo/migrations`). Omitted: indexes for performance,
 * checks of values, search functions of storage, and internals of realtime.
 *
 * Roles belong to the whole server: missing ones are created without privileges, memberships or
 * attributes, and existing ones are never changed or dropped.
 */
const roles = `
DO $$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY '{postgres,anon,authenticated,service_role,authenticator,dashboard_user,pgbouncer,
    supabase_admin,supabase_auth_admin,supabase_storage_admin,supabase_realtime_admin,supabase_functions_admin,
    supabase_replication_admin,supabase_read_only_user,supabase_etl_admin}'::text[]
  LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN -- another replay was faster
    END;
  END LOOP;
END $$;`;

const schemas = `
CREATE SCHEMA auth;
CREATE SCHEMA storage;
CREATE SCHEMA extensions;
CREATE SCHEMA realtime;
CREATE SCHEMA _realtime;
CREATE SCHEMA graphql;
CREATE SCHEMA graphql_public;
CREATE SCHEMA vault;
CREATE SCHEMA pgsodium;
CREATE SCHEMA pgbouncer;
CREATE SCHEMA supabase_functions;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;
DO $$
DECLARE wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES ('pg_stat_statements', 'extensions'), ('supabase_vault', 'vault'), ('pg_graphql', 'graphql')) AS e (name, home)
      JOIN pg_available_extensions USING (name)
  LOOP
    BEGIN
      EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I', wanted.name, wanted.home);
    EXCEPTION WHEN insufficient_privilege THEN -- for superusers only
    END;
  END LOOP;
END $$;
CREATE PUBLICATION supabase_realtime;`;

const auth = `
CREATE TYPE auth.aal_level AS ENUM ('aal1', 'aal2', 'aal3');
CREATE TYPE auth.code_challenge_method AS ENUM ('s256', 'plain');
CREATE TYPE auth.factor_status AS ENUM ('unverified', 'verified');
CREATE TYPE auth.factor_type AS ENUM ('totp', 'webauthn', 'phone');
CREATE TYPE auth.one_time_token_type AS ENUM ('confirmation_token', 'reauthentication_token', 'recovery_token',
  'email_change_token_new', 'email_change_token_current', 'phone_change_token');
CREATE TYPE auth.oauth_client_type AS ENUM ('public', 'confidential');
CREATE TYPE auth.oauth_registration_type AS ENUM ('dynamic', 'manual');
CREATE TABLE auth.users (
  instance_id uuid, id uuid PRIMARY KEY, aud varchar(255), role varchar(255), email varchar(255),
  encrypted_password varchar(255), email_confirmed_at timestamptz, invited_at timestamptz,
  confirmation_token varchar(255), confirmation_sent_at timestamptz, recovery_token varchar(255),
  recovery_sent_at timestamptz, email_change_token_new varchar(255), email_change varchar(255),
  email_change_sent_at timestamptz, last_sign_in_at timestamptz, raw_app_meta_data jsonb,
  raw_user_meta_data jsonb, is_super_admin boolean, created_at timestamptz, updated_at timestamptz,
  phone text DEFAULT NULL CONSTRAINT users_phone_key UNIQUE, phone_confirmed_at timestamptz, phone_change text DEFAULT '',
  phone_change_token varchar(255) DEFAULT '', phone_change_sent_at timestamptz,
  confirmed_at timestamptz GENERATED ALWAYS AS (LEAST(email_confirmed_at, phone_confirmed_at)) STORED,
  email_change_token_current varchar(255) DEFAULT '', email_change_confirm_status smallint DEFAULT 0,
  banned_until timestamptz, reauthentication_token varchar(255) DEFAULT '', reauthentication_sent_at timestamptz,
  is_sso_user boolean NOT NULL DEFAULT false, deleted_at timestamptz, is_anonymous boolean NOT NULL DEFAULT false);
CREATE INDEX users_instance_id_idx ON auth.users (instance_id);
CREATE INDEX users_instance_id_email_idx ON auth.users (instance_id, lower(email));
CREATE UNIQUE INDEX users_email_partial_key ON auth.users (email) WHERE is_sso_user = false;
CREATE TABLE auth.identities (
  provider_id text NOT NULL, user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE, identity_data jsonb NOT NULL,
  provider text NOT NULL, last_sign_in_at timestamptz, created_at timestamptz, updated_at timestamptz,
  email text GENERATED ALWAYS AS (lower(identity_data ->> 'email')) STORED, id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  CONSTRAINT identities_provider_id_provider_unique UNIQUE (provider_id, provider));
CREATE INDEX identities_user_id_idx ON auth.identities (user_id);
CREATE TABLE auth.oauth_clients (
  id uuid PRIMARY KEY, client_secret_hash text, registration_type auth.oauth_registration_type NOT NULL,
  redirect_uris text NOT NULL, grant_types text NOT NULL, client_name text, client_uri text, logo_uri text,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
  client_type auth.oauth_client_type NOT NULL DEFAULT 'confidential', token_endpoint_auth_method text NOT NULL);
CREATE TABLE auth.sessions (
  id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE, created_at timestamptz,
  updated_at timestamptz, factor_id uuid, aal auth.aal_level, not_after timestamptz, refreshed_at timestamp,
  user_agent text, ip inet, tag text, oauth_client_id uuid REFERENCES auth.oauth_clients ON DELETE CASCADE,
  refresh_token_hmac_key text, refresh_token_counter bigint, scopes text);
CREATE INDEX sessions_user_id_idx ON auth.sessions (user_id);
CREATE TABLE auth.refresh_tokens (
  instance_id uuid, id bigserial PRIMARY KEY, token varchar(255) CONSTRAINT refresh_tokens_token_unique UNIQUE,
  user_id varchar(255), revoked boolean, created_at timestamptz, updated_at timestamptz, parent varchar(255),
  session_id uuid REFERENCES auth.sessions ON DELETE CASCADE);
CREATE TABLE auth.mfa_factors (
  id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE, friendly_name text,
  factor_type auth.factor_type NOT NULL, status auth.factor_status NOT NULL, created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL, secret text, phone text, last_challenged_at timestamptz UNIQUE,
  web_authn_credential jsonb, web_authn_aaguid uuid, last_webauthn_challenge_data jsonb);
CREATE TABLE auth.mfa_challenges (
  id uuid PRIMARY KEY, factor_id uuid NOT NULL CONSTRAINT mfa_challenges_auth_factor_id_fkey REFERENCES auth.mfa_factors ON DELETE CASCADE,
  created_at timestamptz NOT NULL, verified_at timestamptz, ip_address inet NOT NULL, otp_code text, web_authn_session_data jsonb);
CREATE TABLE auth.mfa_amr_claims (
  session_id uuid NOT NULL REFERENCES auth.sessions ON DELETE CASCADE, created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL, authentication_method text NOT NULL, id uuid CONSTRAINT amr_id_pk PRIMARY KEY,
  CONSTRAINT mfa_amr_claims_session_id_authentication_method_pkey UNIQUE (session_id, authentication_method));
CREATE TABLE auth.sso_providers (
  id uuid PRIMARY KEY, resource_id text, created_at timestamptz, updated_at timestamptz, disabled boolean);
CREATE TABLE auth.sso_domains (
  id uuid PRIMARY KEY, sso_provider_id uuid NOT NULL REFERENCES auth.sso_providers ON DELETE CASCADE, domain text NOT NULL,
  created_at timestamptz, updated_at timestamptz);
CREATE TABLE auth.saml_providers (
  id uuid PRIMARY KEY, sso_provider_id uuid NOT NULL REFERENCES auth.sso_providers ON DELETE CASCADE,
  entity_id text NOT NULL UNIQUE, metadata_xml text NOT NULL, metadata_url text, attribute_mapping jsonb,
  created_at timestamptz, updated_at timestamptz, name_id_format text);
CREATE TABLE auth.flow_state (
  id uuid PRIMARY KEY, user_id uuid, auth_code text, code_challenge_method auth.code_challenge_method,
  code_challenge text, provider_type text NOT NULL, provider_access_token text, provider_refresh_token text,
  created_at timestamptz, updated_at timestamptz, authentication_method text NOT NULL, auth_code_issued_at timestamptz,
  invite_token text, referrer text, oauth_client_state_id uuid, linking_target_id uuid, email_optional boolean NOT NULL DEFAULT false);
CREATE TABLE auth.saml_relay_states (
  id uuid PRIMARY KEY, sso_provider_id uuid NOT NULL REFERENCES auth.sso_providers ON DELETE CASCADE,
  request_id text NOT NULL, for_email text, redirect_to text, created_at timestamptz, updated_at timestamptz,
  flow_state_id uuid REFERENCES auth.flow_state ON DELETE CASCADE);
CREATE TABLE auth.one_time_tokens (
  id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
  token_type auth.one_time_token_type NOT NULL, token_hash text NOT NULL, relates_to text NOT NULL,
  created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp NOT NULL DEFAULT now());
CREATE TABLE auth.audit_log_entries (
  instance_id uuid, id uuid PRIMARY KEY, payload json, created_at timestamptz, ip_address varchar(64) NOT NULL DEFAULT '');
CREATE TABLE auth.instances (
  id uuid PRIMARY KEY, uuid uuid, raw_base_config text, created_at timestamptz, updated_at timestamptz);
CREATE TABLE auth.schema_migrations (version varchar(255) PRIMARY KEY);
CREATE FUNCTION auth.jwt() RETURNS jsonb STABLE LANGUAGE sql AS $$
  SELECT coalesce(nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$;
CREATE FUNCTION auth.uid() RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''), auth.jwt() ->> 'sub')::uuid $$;
CREATE FUNCTION auth.role() RETURNS text STABLE LANGUAGE sql AS $$
  SELECT coalesce(nullif(current_setting('request.jwt.claim.role', true), ''), auth.jwt() ->> 'role') $$;
CREATE FUNCTION auth.email() RETURNS text STABLE LANGUAGE sql AS $$
  SELECT coalesce(nullif(current_setting('request.jwt.claim.email', true), ''), auth.jwt() ->> 'email') $$;`;

const storage = `
CREATE TYPE storage.buckettype AS ENUM ('STANDARD', 'ANALYTICS', 'VECTOR');
CREATE TABLE storage.buckets (
  id text PRIMARY KEY, name text NOT NULL, owner uuid, created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(), public boolean DEFAULT false, avif_autodetection boolean DEFAULT false,
  file_size_limit bigint, allowed_mime_types text[], owner_id text, type storage.buckettype NOT NULL DEFAULT 'STANDARD',
  versioning_status text NOT NULL DEFAULT 'DISABLED');
CREATE UNIQUE INDEX bname ON storage.buckets (name);
CREATE TABLE storage.objects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), bucket_id text CONSTRAINT "objects_bucketId_fkey" REFERENCES storage.buckets,
  name text, owner uuid, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(),
  last_accessed_at timestamptz DEFAULT now(), metadata jsonb,
  path_tokens text[] GENERATED ALWAYS AS (string_to_array(name, '/')) STORED, version text, owner_id text,
  user_metadata jsonb, archived_at timestamptz, is_delete_marker boolean NOT NULL DEFAULT false,
  is_versioned boolean NOT NULL DEFAULT false);
CREATE UNIQUE INDEX bucketid_objname ON storage.objects (bucket_id, name);
CREATE INDEX name_prefix_search ON storage.objects (name text_pattern_ops);
CREATE TABLE storage.migrations (
  id integer PRIMARY KEY, name varchar(100) UNIQUE NOT NULL, hash varchar(40) NOT NULL, executed_at timestamp DEFAULT current_timestamp);
CREATE TABLE storage.s3_multipart_uploads (
  id text PRIMARY KEY, in_progress_size bigint NOT NULL DEFAULT 0, upload_signature text NOT NULL,
  bucket_id text NOT NULL REFERENCES storage.buckets, key text COLLATE "C" NOT NULL, version text NOT NULL, owner_id text,
  created_at timestamptz NOT NULL DEFAULT now(), user_metadata jsonb, metadata jsonb);
CREATE TABLE storage.s3_multipart_uploads_parts (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), upload_id text NOT NULL REFERENCES storage.s3_multipart_uploads ON DELETE CASCADE,
  size bigint NOT NULL DEFAULT 0, part_number integer NOT NULL, bucket_id text NOT NULL REFERENCES storage.buckets,
  key text COLLATE "C" NOT NULL, etag text NOT NULL, owner_id text, version text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE FUNCTION storage.foldername(name text) RETURNS text[] IMMUTABLE LANGUAGE plpgsql AS $$
  BEGIN RETURN (string_to_array(name, '/'))[:cardinality(string_to_array(name, '/')) - 1]; END $$;
CREATE FUNCTION storage.filename(name text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
  BEGIN RETURN split_part(name, '/', -1); END $$;
CREATE FUNCTION storage.extension(name text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
  BEGIN RETURN split_part(split_part(name, '/', -1), '.', -1); END $$;
CREATE FUNCTION storage.operation() RETURNS text STABLE LANGUAGE sql AS $$ SELECT current_setting('storage.operation', true) $$;
CREATE FUNCTION storage.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN NEW.updated_at = now(); RETURN NEW; END $$;
CREATE TRIGGER update_objects_updated_at BEFORE UPDATE ON storage.objects
  FOR EACH ROW EXECUTE FUNCTION storage.update_updated_at_column();`;

const others = `
CREATE TABLE realtime.messages (
  topic text NOT NULL, extension text NOT NULL, payload jsonb, event text, private boolean DEFAULT false,
  updated_at timestamp NOT NULL DEFAULT now(), inserted_at timestamp NOT NULL DEFAULT now(), id uuid NOT NULL DEFAULT gen_random_uuid(),
  binary_payload bytea, PRIMARY KEY (id, inserted_at)) PARTITION BY RANGE (inserted_at);
CREATE FUNCTION realtime.topic() RETURNS text STABLE LANGUAGE sql AS $$ SELECT nullif(current_setting('realtime.topic', true), '') $$;
CREATE FUNCTION realtime.send(payload jsonb, event text, topic text, private boolean DEFAULT true) RETURNS void
  LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE FUNCTION realtime.broadcast_changes(topic_name text, event_name text, operation text, table_name text, table_schema text,
  NEW record, OLD record, level text DEFAULT 'ROW') RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE FUNCTION graphql_public.graphql("operationName" text DEFAULT NULL, query text DEFAULT NULL, variables jsonb DEFAULT NULL,
  extensions jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TABLE supabase_functions.migrations (version text PRIMARY KEY, inserted_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE supabase_functions.hooks (
  id bigserial PRIMARY KEY, hook_table_id integer NOT NULL, hook_name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), request_id bigint);
CREATE FUNCTION supabase_functions.http_request() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;`;

const rights = `
DO $$
DECLARE o record;
BEGIN
  FOR o IN SELECT oid::regclass AS "table" FROM pg_class
    WHERE relnamespace IN ('auth'::regnamespace, 'storage'::regnamespace, 'realtime'::regnamespace) AND relkind IN ('r', 'p')
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', o."table");
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA public, auth, storage, extensions, realtime, graphql_public TO postgres, anon, authenticated, service_role;
GRANT ALL ON ALL TABLES IN SCHEMA auth TO postgres, dashboard_user, supabase_auth_admin;
GRANT ALL ON ALL TABLES IN SCHEMA storage TO postgres, anon, authenticated, service_role, supabase_storage_admin;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA realtime TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO postgres, anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO postgres, anon, authenticated, service_role;`;

export const supabasePrelude = [roles, schemas, auth, storage, others, rights].join('\n');

import type { StandIns } from '../../db/pglite-extensions.ts';

/** Stores schedules as pg_cron does, but runs nothing. */
const pgCron = `
CREATE SCHEMA cron;
CREATE SEQUENCE cron.jobid_seq;
CREATE TABLE cron.job (
  jobid bigint PRIMARY KEY DEFAULT nextval('cron.jobid_seq'), schedule text NOT NULL, command text NOT NULL,
  nodename text NOT NULL DEFAULT 'localhost', nodeport integer NOT NULL DEFAULT 5432, database text NOT NULL DEFAULT current_database(),
  username text NOT NULL DEFAULT current_user, active boolean NOT NULL DEFAULT true, jobname text,
  CONSTRAINT jobname_username_uniq UNIQUE (jobname, username));
CREATE SEQUENCE cron.runid_seq;
CREATE TABLE cron.job_run_details (
  jobid bigint, runid bigint PRIMARY KEY DEFAULT nextval('cron.runid_seq'), job_pid integer, database text, username text,
  command text, status text, return_message text, start_time timestamptz, end_time timestamptz);
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO cron.job (jobname, schedule, command) VALUES (job_name, schedule, command)
  ON CONFLICT (jobname, username) DO UPDATE SET schedule = excluded.schedule, command = excluded.command RETURNING jobid $$;
CREATE FUNCTION cron.schedule(schedule text, command text) RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO cron.job (schedule, command) VALUES (schedule, command) RETURNING jobid $$;
CREATE FUNCTION cron.schedule_in_database(job_name text, schedule text, command text, database text, username text DEFAULT NULL,
  active boolean DEFAULT true) RETURNS bigint LANGUAGE sql AS $$ SELECT cron.schedule(job_name, schedule, command) $$;
CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM cron.job WHERE jobid = job_id;
    IF NOT FOUND THEN RAISE EXCEPTION 'could not find valid entry for job %', job_id; END IF;
    RETURN true;
  END $$;
CREATE FUNCTION cron.unschedule(job_name text) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    DELETE FROM cron.job WHERE jobname = job_name;
    IF NOT FOUND THEN RAISE EXCEPTION 'could not find valid entry for job %', quote_literal(job_name); END IF;
    RETURN true;
  END $$;
CREATE FUNCTION cron.alter_job(job_id bigint, schedule text DEFAULT NULL, command text DEFAULT NULL, database text DEFAULT NULL,
  username text DEFAULT NULL, active boolean DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  UPDATE cron.job j SET schedule = coalesce(alter_job.schedule, j.schedule), command = coalesce(alter_job.command, j.command),
    active = coalesce(alter_job.active, j.active) WHERE jobid = job_id $$;`;

/** Requests are queued, as the real one queues them, but none is sent. */
const pgNet = `
CREATE SCHEMA net;
CREATE TABLE net.http_request_queue (
  id bigserial, method text NOT NULL, url text NOT NULL, headers jsonb, body bytea, timeout_milliseconds integer NOT NULL);
CREATE TABLE net._http_response (
  id bigint, status_code integer, content_type text, headers jsonb, content text, timed_out boolean, error_msg text,
  created timestamptz NOT NULL DEFAULT now());
CREATE TYPE net.request_status AS ENUM ('PENDING', 'SUCCESS', 'ERROR');
CREATE TYPE net.http_response AS (status_code integer, headers jsonb, body text);
CREATE TYPE net.http_response_result AS (status net.request_status, message text, response net.http_response);
CREATE FUNCTION net.http_get(url text, params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}', timeout_milliseconds integer DEFAULT 5000)
  RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO net.http_request_queue (method, url, headers, timeout_milliseconds)
  VALUES ('GET', url, headers, timeout_milliseconds) RETURNING id $$;
CREATE FUNCTION net.http_post(url text, body jsonb DEFAULT '{}', params jsonb DEFAULT '{}',
  headers jsonb DEFAULT '{"Content-Type": "application/json"}', timeout_milliseconds integer DEFAULT 5000)
  RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  VALUES ('POST', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds) RETURNING id $$;
CREATE FUNCTION net.http_delete(url text, params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}',
  timeout_milliseconds integer DEFAULT 5000, body jsonb DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  VALUES ('DELETE', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds) RETURNING id $$;
CREATE FUNCTION net.http_collect_response(request_id bigint, async boolean DEFAULT true) RETURNS net.http_response_result
  LANGUAGE sql AS $$ SELECT ROW('PENDING', NULL, NULL)::net.http_response_result $$;`;

/** Stores secrets in plain text: a shadow exists only briefly. */
const vault = `
CREATE TABLE vault.secrets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, description text NOT NULL DEFAULT '', secret text NOT NULL,
  key_id uuid, nonce bytea, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE UNIQUE INDEX ON vault.secrets (name) WHERE name IS NOT NULL;
CREATE VIEW vault.decrypted_secrets AS
  SELECT id, name, description, secret, secret AS decrypted_secret, key_id, nonce, created_at, updated_at FROM vault.secrets;
CREATE FUNCTION vault.create_secret(new_secret text, new_name text DEFAULT NULL, new_description text DEFAULT '',
  new_key_id uuid DEFAULT NULL) RETURNS uuid LANGUAGE sql AS $$
  INSERT INTO vault.secrets (secret, name, description) VALUES (new_secret, new_name, new_description) RETURNING id $$;
CREATE FUNCTION vault.update_secret(secret_id uuid, new_secret text DEFAULT NULL, new_name text DEFAULT NULL,
  new_description text DEFAULT NULL, new_key_id uuid DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  UPDATE vault.secrets SET secret = coalesce(new_secret, secret), name = coalesce(new_name, name),
    description = coalesce(new_description, description), updated_at = now() WHERE id = secret_id $$;`;

const pgGraphql = `
CREATE FUNCTION graphql.resolve(query text, variables jsonb DEFAULT '{}', "operationName" text DEFAULT NULL,
  extensions jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;`;

/** The body of a function whose result a migration would use. */
const unknown = `LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'this extension does not run in the embedded shadow' USING HINT = 'Replay on a server that has it: --shadow-url'; END $$`;

const pgJwt = `
CREATE FUNCTION url_encode(data bytea) RETURNS text IMMUTABLE ${unknown};
CREATE FUNCTION url_decode(data text) RETURNS bytea IMMUTABLE ${unknown};
CREATE FUNCTION algorithm_sign(signables text, secret text, algorithm text) RETURNS text IMMUTABLE ${unknown};
CREATE FUNCTION sign(payload json, secret text, algorithm text DEFAULT 'HS256') RETURNS text IMMUTABLE ${unknown};
CREATE FUNCTION verify(token text, secret text, algorithm text DEFAULT 'HS256')
  RETURNS TABLE (header json, payload json, valid boolean) IMMUTABLE ${unknown};`;

const pgJsonschema = `
CREATE FUNCTION json_matches_schema(schema json, instance json) RETURNS boolean IMMUTABLE STRICT ${unknown};
CREATE FUNCTION jsonb_matches_schema(schema json, instance jsonb) RETURNS boolean IMMUTABLE STRICT ${unknown};
CREATE FUNCTION jsonschema_is_valid(schema json) RETURNS boolean IMMUTABLE STRICT ${unknown};
CREATE FUNCTION jsonschema_validation_errors(schema json, instance json) RETURNS text[] IMMUTABLE STRICT ${unknown};`;

const http = `
CREATE DOMAIN http_method AS text;
CREATE TYPE http_header AS (field varchar, value varchar);
CREATE TYPE http_request AS (method http_method, uri varchar, headers http_header[], content_type varchar, content varchar);
CREATE TYPE http_response AS (status integer, content_type varchar, headers http_header[], content varchar);
CREATE FUNCTION http(request http_request) RETURNS http_response ${unknown};
CREATE FUNCTION http_header(field varchar, value varchar) RETURNS http_header LANGUAGE sql AS $$ SELECT field, value $$;
CREATE FUNCTION http_get(uri varchar) RETURNS http_response ${unknown};
CREATE FUNCTION http_get(uri varchar, data jsonb) RETURNS http_response ${unknown};
CREATE FUNCTION http_post(uri varchar, content varchar, content_type varchar) RETURNS http_response ${unknown};
CREATE FUNCTION http_post(uri varchar, data jsonb) RETURNS http_response ${unknown};
CREATE FUNCTION http_put(uri varchar, content varchar, content_type varchar) RETURNS http_response ${unknown};
CREATE FUNCTION http_patch(uri varchar, content varchar, content_type varchar) RETURNS http_response ${unknown};
CREATE FUNCTION http_delete(uri varchar) RETURNS http_response ${unknown};
CREATE FUNCTION http_head(uri varchar) RETURNS http_response ${unknown};`;

/**
 * Extensions of Supabase that PGlite lacks, as far as migrations use them. Signatures after
 * supabase/pg_net, citusdata/pg_cron, supabase/vault, supabase/pg_graphql, michelp/pgjwt,
 * supabase/pg_jsonschema and pramsey/pgsql-http. The empty ones leave no trace in a schema, or are
 * rarely used: a migration that calls them fails with the name of what is not there.
 */
export const supabaseStandIns: StandIns = {
  pg_cron: { sql: pgCron },
  pg_net: { sql: pgNet },
  supabase_vault: { schema: 'vault', sql: vault },
  pg_graphql: { schema: 'graphql', sql: pgGraphql },
  pgjwt: { sql: pgJwt },
  pg_jsonschema: { sql: pgJsonschema },
  http: { sql: http },
  pgsodium: { schema: 'pgsodium', sql: '' },
  wrappers: { sql: '' },
  pgtap: { sql: '' },
  pgaudit: { sql: '' },
  hypopg: { sql: '' },
  index_advisor: { sql: '' },
  plpgsql_check: { sql: '' },
  pg_stat_monitor: { sql: '' },
  pg_repack: { sql: '' },
  dblink: { sql: '' },
};

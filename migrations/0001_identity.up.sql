-- Identity: users as the applications first had them (seven columns), their preferences,
-- and the two catalogues that preferences and sign-in refer to.

CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

-- The id is text: UUIDs, Clerk ids and Better-Auth ids live side by side.
CREATE TABLE users (
  id text NOT NULL DEFAULT gen_random_uuid()::text,
  email text NOT NULL,
  name text,
  full_name text,
  avatar_url text,
  billing_address jsonb,
  payment_method jsonb,
  CONSTRAINT users_pkey PRIMARY KEY (id),
  CONSTRAINT users_email_key UNIQUE (email)
);

CREATE TABLE oauth_clients (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  client_id text NOT NULL,
  name text NOT NULL,
  redirect_uris text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT oauth_clients_pkey PRIMARY KEY (id),
  CONSTRAINT oauth_clients_client_id_key UNIQUE (client_id)
);

CREATE TRIGGER set_oauth_clients_updated_at
  BEFORE UPDATE ON oauth_clients
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE llm_models (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  slug text NOT NULL,
  name text NOT NULL,
  provider text NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT llm_models_pkey PRIMARY KEY (id),
  CONSTRAINT llm_models_slug_key UNIQUE (slug)
);

CREATE TRIGGER set_llm_models_updated_at
  BEFORE UPDATE ON llm_models
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE user_preferences (
  user_id text NOT NULL,
  default_model_id uuid,
  theme text NOT NULL DEFAULT 'system',
  language text NOT NULL DEFAULT 'en',
  desktop_settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT user_preferences_pkey PRIMARY KEY (user_id),
  CONSTRAINT user_preferences_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT user_preferences_default_model_id_fkey
    FOREIGN KEY (default_model_id) REFERENCES llm_models (id) ON DELETE SET NULL
);

CREATE INDEX idx_user_preferences_default_model_id ON user_preferences (default_model_id);

CREATE TRIGGER set_user_preferences_updated_at
  BEFORE UPDATE ON user_preferences
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- Users, billing and usage expansion: full user profiles, personal organizations, usage
-- metering, feature gates in the database, and row-level security.

-- Users ---------------------------------------------------------------------------------

ALTER TABLE users
  ADD COLUMN username text,
  ADD COLUMN display_name text,
  ADD COLUMN personal_title text,
  ADD COLUMN first_name text,
  ADD COLUMN middle_name text,
  ADD COLUMN last_name text,
  ADD COLUMN phone_country_code text,
  ADD COLUMN phone_number text,
  ADD COLUMN personal_apt_suite text,
  ADD COLUMN personal_street_address_1 text,
  ADD COLUMN personal_street_address_2 text,
  ADD COLUMN personal_city text,
  ADD COLUMN personal_state text,
  ADD COLUMN personal_postal_code text,
  ADD COLUMN personal_country text,
  ADD COLUMN bio text,
  ADD COLUMN education jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN work_experience jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN business_position text,
  ADD COLUMN business_company text,
  ADD COLUMN business_apt_suite text,
  ADD COLUMN business_street_address_1 text,
  ADD COLUMN business_street_address_2 text,
  ADD COLUMN business_city text,
  ADD COLUMN business_state text,
  ADD COLUMN business_postal_code text,
  ADD COLUMN business_country text,
  ADD COLUMN account_type text NOT NULL DEFAULT 'user',
  ADD COLUMN profile_completed boolean NOT NULL DEFAULT false,
  ADD COLUMN onboarding_completed boolean NOT NULL DEFAULT false,
  ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
  ADD CONSTRAINT users_education_check CHECK (jsonb_typeof(education) = 'array'),
  ADD CONSTRAINT users_work_experience_check CHECK (jsonb_typeof(work_experience) = 'array'),
  ADD CONSTRAINT users_account_type_check CHECK (account_type IN ('super_admin', 'admin', 'user'));

CREATE UNIQUE INDEX idx_users_username ON users (username) WHERE username IS NOT NULL;
CREATE INDEX idx_users_account_type ON users (account_type);

CREATE FUNCTION update_updated_at_column() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

-- Users may edit their own row, but some columns of it are not theirs to set. Only callers
-- that row security restricts are refused: the owner and the service role pass.
CREATE FUNCTION prevent_protected_column_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
  IF row_security_active(TG_RELID) THEN
    RAISE EXCEPTION 'a protected column of % can not be changed by its user', TG_TABLE_NAME
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER protect_users_account_type
  BEFORE UPDATE ON users
  FOR EACH ROW
  WHEN (OLD.account_type IS DISTINCT FROM NEW.account_type)
  EXECUTE FUNCTION prevent_protected_column_change();

CREATE TRIGGER update_users_updated_at
  BEFORE UPDATE ON users
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- Organizations -------------------------------------------------------------------------

ALTER TABLE organizations
  ADD COLUMN is_personal boolean NOT NULL DEFAULT false,
  ADD COLUMN org_type text NOT NULL DEFAULT 'business',
  ADD COLUMN slug text,
  ADD COLUMN description text,
  ADD COLUMN avatar_url text,
  ADD COLUMN settings jsonb NOT NULL DEFAULT '{}',
  ADD CONSTRAINT organizations_org_type_check
    CHECK (org_type IN ('personal', 'business', 'family', 'education', 'other'));

CREATE UNIQUE INDEX organizations_personal_owner_key ON organizations (owner_id) WHERE is_personal;
CREATE UNIQUE INDEX idx_organizations_slug ON organizations (slug) WHERE slug IS NOT NULL;

DROP TRIGGER set_organizations_updated_at ON organizations;

CREATE TRIGGER update_organizations_updated_at
  BEFORE UPDATE ON organizations
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- Usage ---------------------------------------------------------------------------------

CREATE TABLE usage_events (
  id bigint GENERATED ALWAYS AS IDENTITY,
  organization_id uuid NOT NULL,
  user_id text,
  event_type text NOT NULL,
  quantity bigint NOT NULL DEFAULT 1,
  metadata jsonb,
  occurred_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_events_pkey PRIMARY KEY (id),
  CONSTRAINT usage_events_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT usage_events_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL,
  CONSTRAINT usage_events_event_type_check CHECK (
    event_type IN (
      'record_created', 'api_call', 'automation_run', 'storage_used',
      'schedule_executed', 'ai_tokens_used', 'user_active'
    )
  ),
  CONSTRAINT usage_events_quantity_check CHECK (quantity >= 0)
);

CREATE INDEX idx_usage_events_org_type_occurred_at ON usage_events (organization_id, event_type, occurred_at);
CREATE INDEX idx_usage_events_user_occurred_at ON usage_events (user_id, occurred_at);
CREATE INDEX idx_usage_events_occurred_at ON usage_events (occurred_at);

-- A user's rows go with the user (CASCADE): with SET NULL they would turn into a second
-- row of the whole organization.
CREATE TABLE usage_aggregations (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  user_id text,
  event_type text NOT NULL,
  period_type text NOT NULL,
  period_start timestamptz NOT NULL,
  event_count bigint NOT NULL DEFAULT 0,
  quantity bigint NOT NULL DEFAULT 0,
  distinct_users bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT usage_aggregations_pkey PRIMARY KEY (id),
  CONSTRAINT usage_aggregations_period_key
    UNIQUE NULLS NOT DISTINCT (organization_id, user_id, event_type, period_type, period_start),
  CONSTRAINT usage_aggregations_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT usage_aggregations_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT usage_aggregations_event_type_check CHECK (
    event_type IN (
      'record_created', 'api_call', 'automation_run', 'storage_used',
      'schedule_executed', 'ai_tokens_used', 'user_active'
    )
  ),
  CONSTRAINT usage_aggregations_period_type_check CHECK (period_type IN ('daily', 'monthly'))
);

CREATE INDEX idx_usage_aggregations_user_id ON usage_aggregations (user_id);
CREATE INDEX idx_usage_aggregations_period ON usage_aggregations (period_type, period_start);

CREATE TRIGGER update_usage_aggregations_updated_at
  BEFORE UPDATE ON usage_aggregations
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

COMMENT ON TABLE usage_aggregations IS
  'Usage per UTC day or month. A row with user_id NULL is the whole organization, events without '
  'a user included; a row with user_id is that user''s share of it. Never add the two kinds up, and '
  'never add distinct_users over rows or periods: a person may be counted in each.';

-- Feature gates -------------------------------------------------------------------------

CREATE TABLE plan_features (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  plan text NOT NULL,
  feature_key text NOT NULL,
  limit_value bigint,
  flags jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT plan_features_pkey PRIMARY KEY (id),
  CONSTRAINT plan_features_plan_feature_key_key UNIQUE (plan, feature_key),
  CONSTRAINT plan_features_plan_check CHECK (plan IN ('free', 'pro', 'business', 'enterprise')),
  CONSTRAINT plan_features_limit_value_check CHECK (limit_value >= -1)
);

CREATE TRIGGER update_plan_features_updated_at
  BEFORE UPDATE ON plan_features
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

COMMENT ON COLUMN plan_features.limit_value IS
  '-1 = unlimited, 0 = not allowed, NULL = not configured (an error). The key features has no '
  'number to limit: it is -1 in every plan and its flags decide.';

INSERT INTO plan_features (plan, feature_key, limit_value, flags)
VALUES
  ('free', 'max_records', 100, NULL),
  ('free', 'max_api_calls_per_month', 1000, NULL),
  ('free', 'max_automations', 3, NULL),
  ('free', 'max_storage_gb', 1, NULL),
  ('free', 'max_mau', 100, NULL),
  ('free', 'max_schedules', 5, NULL),
  ('free', 'max_ai_tokens_per_month', 10000, NULL),
  ('free', 'max_seats', 1, NULL),
  ('free', 'features', -1, '{
    "basic_features": true, "api_access": false, "advanced_analytics": false, "sso": false,
    "custom_branding": false, "priority_support": false, "dedicated_support": false, "custom_contracts": false
  }'),
  ('pro', 'max_records', 10000, NULL),
  ('pro', 'max_api_calls_per_month', 100000, NULL),
  ('pro', 'max_automations', 50, NULL),
  ('pro', 'max_storage_gb', 50, NULL),
  ('pro', 'max_mau', 5000, NULL),
  ('pro', 'max_schedules', 100, NULL),
  ('pro', 'max_ai_tokens_per_month', 1000000, NULL),
  ('pro', 'max_seats', 5, NULL),
  ('pro', 'features', -1, '{
    "basic_features": true, "api_access": true, "advanced_analytics": true, "sso": false,
    "custom_branding": false, "priority_support": false, "dedicated_support": false, "custom_contracts": false
  }'),
  ('business', 'max_records', 100000, NULL),
  ('business', 'max_api_calls_per_month', 1000000, NULL),
  ('business', 'max_automations', 500, NULL),
  ('business', 'max_storage_gb', 500, NULL),
  ('business', 'max_mau', 50000, NULL),
  ('business', 'max_schedules', 1000, NULL),
  ('business', 'max_ai_tokens_per_month', 10000000, NULL),
  ('business', 'max_seats', 50, NULL),
  ('business', 'features', -1, '{
    "basic_features": true, "api_access": true, "advanced_analytics": true, "sso": true,
    "custom_branding": true, "priority_support": true, "dedicated_support": false, "custom_contracts": false
  }'),
  ('enterprise', 'max_records', -1, NULL),
  ('enterprise', 'max_api_calls_per_month', -1, NULL),
  ('enterprise', 'max_automations', -1, NULL),
  ('enterprise', 'max_storage_gb', -1, NULL),
  ('enterprise', 'max_mau', -1, NULL),
  ('enterprise', 'max_schedules', -1, NULL),
  ('enterprise', 'max_ai_tokens_per_month', -1, NULL),
  ('enterprise', 'max_seats', -1, NULL),
  ('enterprise', 'features', -1, '{
    "basic_features": true, "api_access": true, "advanced_analytics": true, "sso": true,
    "custom_branding": true, "priority_support": true, "dedicated_support": true, "custom_contracts": true
  }')
ON CONFLICT DO NOTHING;

-- Functions -----------------------------------------------------------------------------

-- SECURITY DEFINER: the answer must count users whom row security hides from the caller.
CREATE FUNCTION check_username_available(p_username text) RETURNS boolean
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
  SELECT btrim(coalesce(p_username, '')) <> ''
    AND NOT EXISTS (SELECT FROM users WHERE username = p_username)
$$;

-- Gives a user what every user has: one personal organization, its ownership and an active
-- subscription. May be called again: it adds only what is missing.
CREATE FUNCTION ensure_personal_organization(p_user text) RETURNS uuid
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
  v_slug text := 'personal-' || left(encode(sha256(convert_to(p_user, 'UTF8')), 'hex'), 20);
  v_organization uuid;
BEGIN
  -- Nobody can block a sign-up by taking its slug first.
  IF EXISTS (SELECT FROM organizations WHERE slug = v_slug) THEN
    v_slug := v_slug || '-' || left(gen_random_uuid()::text, 8);
  END IF;

  INSERT INTO organizations (name, owner_id, is_personal, org_type, slug)
  SELECT
    coalesce(nullif(full_name, ''), nullif(name, ''), split_part(email, '@', 1)) || '''s workspace',
    id,
    true,
    'personal',
    v_slug
  FROM users
  WHERE id = p_user
  ON CONFLICT (owner_id) WHERE is_personal DO NOTHING;

  SELECT id INTO STRICT v_organization FROM organizations WHERE owner_id = p_user AND is_personal;

  INSERT INTO organization_members (organization_id, user_id, role)
  VALUES (v_organization, p_user, 'owner')
  ON CONFLICT (organization_id, user_id) DO NOTHING;

  INSERT INTO org_subscriptions (organization_id, plan, seats, status)
  VALUES (v_organization, 'free', 1, 'active')
  ON CONFLICT (organization_id) WHERE status = 'active' DO NOTHING;

  RETURN v_organization;
END
$$;

REVOKE EXECUTE ON FUNCTION ensure_personal_organization(text) FROM PUBLIC;

CREATE FUNCTION handle_new_user() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
BEGIN
  PERFORM ensure_personal_organization(NEW.id);
  RETURN NULL;
END
$$;

-- {"limit": 100}, with "flags" where the feature has them. The plan is that of the active
-- subscription, else free. NULL for an unknown feature, and for a user who does not belong to
-- the organization: "no answer" must not look like a limit.
CREATE FUNCTION check_feature_access(p_user text, p_feature text, p_organization uuid) RETURNS jsonb
LANGUAGE sql
STABLE
SET search_path = public, pg_temp
AS $$
  SELECT CASE
    WHEN f.flags IS NULL THEN jsonb_build_object('limit', f.limit_value)
    ELSE jsonb_build_object('limit', f.limit_value, 'flags', f.flags)
  END
  FROM organizations AS o
  LEFT JOIN org_subscriptions AS s ON s.organization_id = o.id AND s.status = 'active'
  JOIN plan_features AS f ON f.plan = coalesce(s.plan, 'free') AND f.feature_key = p_feature
  WHERE o.id = p_organization
    AND (
      o.owner_id = p_user
      OR EXISTS (
        SELECT FROM organization_members AS m
        WHERE m.organization_id = o.id AND m.user_id = p_user
      )
    )
$$;

-- Rolls up the events of [p_from, p_to). A UTC day or month that the window touches is counted
-- whole, never in part, so that running it again, or with another window, gives the same rows.
-- Returns how many rows were new or different.
CREATE FUNCTION aggregate_usage(p_period_type text, p_from timestamptz, p_to timestamptz) RETURNS bigint
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  v_unit text := CASE p_period_type WHEN 'daily' THEN 'day' WHEN 'monthly' THEN 'month' END;
  v_from timestamptz := date_trunc(v_unit, p_from);
  v_to timestamptz := date_trunc(v_unit, p_to);
  v_rows bigint;
BEGIN
  IF v_unit IS NULL THEN
    RAISE EXCEPTION 'period type must be daily or monthly, not %', coalesce(p_period_type, 'null')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_from IS NULL OR p_to IS NULL OR p_from > p_to THEN
    RAISE EXCEPTION 'the window must start before it ends: % to %', p_from, p_to
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF p_from = p_to THEN
    RETURN 0;
  END IF;
  IF v_to < p_to THEN
    v_to := v_to + ('1 ' || v_unit)::interval;
  END IF;

  INSERT INTO usage_aggregations AS a (
    organization_id, user_id, event_type, period_type, period_start, event_count, quantity, distinct_users
  )
  SELECT
    e.organization_id,
    e.user_id,
    e.event_type,
    p_period_type,
    e.period_start,
    count(*),
    sum(e.quantity),
    count(DISTINCT e.user_id)
  FROM (
    SELECT organization_id, user_id, event_type, quantity, date_trunc(v_unit, occurred_at) AS period_start
    FROM usage_events
    WHERE occurred_at >= v_from AND occurred_at < v_to
  ) AS e
  GROUP BY GROUPING SETS (
    (e.organization_id, e.event_type, e.period_start),
    (e.organization_id, e.event_type, e.period_start, e.user_id)
  )
  HAVING grouping(e.user_id) = 1 OR e.user_id IS NOT NULL
  ON CONFLICT ON CONSTRAINT usage_aggregations_period_key DO UPDATE
  SET
    event_count = excluded.event_count,
    quantity = excluded.quantity,
    distinct_users = excluded.distinct_users
  WHERE (a.event_count, a.quantity, a.distinct_users)
    IS DISTINCT FROM (excluded.event_count, excluded.quantity, excluded.distinct_users);

  GET DIAGNOSTICS v_rows = ROW_COUNT;
  RETURN v_rows;
END
$$;

-- True when there is such a user (whom the caller may update).
CREATE FUNCTION complete_onboarding(p_user text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
  UPDATE users SET onboarding_completed = true WHERE id = p_user;
  RETURN FOUND;
END
$$;

-- The user of this session: the setting app.user_id, else auth.uid() on servers that have it.
CREATE FUNCTION current_app_user() RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = public, pg_temp
AS $$
DECLARE
  v_user text := nullif(current_setting('app.user_id', true), '');
BEGIN
  IF v_user IS NULL AND to_regprocedure('auth.uid()') IS NOT NULL THEN
    EXECUTE 'SELECT auth.uid()::text' INTO v_user;
  END IF;
  RETURN v_user;
END
$$;

-- The two below are SECURITY DEFINER because policies of organization_members and of
-- organizations ask them: under row security they would ask themselves for ever.
CREATE FUNCTION is_organization_member(p_organization uuid) RETURNS boolean
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
  SELECT EXISTS (
    SELECT FROM organization_members
    WHERE organization_id = p_organization AND user_id = current_app_user()
  )
$$;

-- The organization's owner_id counts as owner, with a membership row or without.
CREATE FUNCTION has_organization_role(p_organization uuid, VARIADIC p_roles text[]) RETURNS boolean
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
  SELECT EXISTS (
    SELECT FROM organization_members
    WHERE organization_id = p_organization AND user_id = current_app_user() AND role = ANY (p_roles)
  ) OR 'owner' = ANY (p_roles) AND EXISTS (
    SELECT FROM organizations
    WHERE id = p_organization AND owner_id = current_app_user()
  )
$$;

-- Personal organizations ----------------------------------------------------------------

SELECT ensure_personal_organization(id) FROM users;

CREATE TRIGGER on_auth_user_created
  AFTER INSERT ON users
  FOR EACH ROW EXECUTE FUNCTION handle_new_user();

-- Row-level security --------------------------------------------------------------------
-- Not forced: the tables' owner, and so dbops, sees everything.

ALTER TABLE users ENABLE ROW LEVEL SECURITY;

CREATE POLICY users_select_own ON users
  FOR SELECT USING (id = (SELECT current_app_user()));
CREATE POLICY users_update_own ON users
  FOR UPDATE USING (id = (SELECT current_app_user()));

ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;

CREATE POLICY organizations_select_member ON organizations
  FOR SELECT USING (owner_id = (SELECT current_app_user()) OR is_organization_member(id));
CREATE POLICY organizations_insert_own ON organizations
  FOR INSERT WITH CHECK (owner_id = (SELECT current_app_user()));
CREATE POLICY organizations_update_own ON organizations
  FOR UPDATE USING (owner_id = (SELECT current_app_user()));
CREATE POLICY organizations_delete_own ON organizations
  FOR DELETE USING (owner_id = (SELECT current_app_user()) AND NOT is_personal);

ALTER TABLE organization_members ENABLE ROW LEVEL SECURITY;

CREATE POLICY organization_members_select_member ON organization_members
  FOR SELECT USING (
    user_id = (SELECT current_app_user())
    OR is_organization_member(organization_id)
    OR has_organization_role(organization_id, 'owner')
  );
CREATE POLICY organization_members_insert_owner ON organization_members
  FOR INSERT WITH CHECK (has_organization_role(organization_id, 'owner'));
CREATE POLICY organization_members_update_owner ON organization_members
  FOR UPDATE USING (has_organization_role(organization_id, 'owner'));
CREATE POLICY organization_members_delete_owner_or_self ON organization_members
  FOR DELETE USING (
    user_id = (SELECT current_app_user()) OR has_organization_role(organization_id, 'owner')
  );

-- An invite's token lets its holder in, so only owners see it.
ALTER TABLE invites ENABLE ROW LEVEL SECURITY;

CREATE POLICY invites_all_owner ON invites
  USING (has_organization_role(organization_id, 'owner'));

ALTER TABLE billing_customers ENABLE ROW LEVEL SECURITY;

CREATE POLICY billing_customers_select_owner ON billing_customers
  FOR SELECT USING (has_organization_role(organization_id, 'owner'));

ALTER TABLE org_subscriptions ENABLE ROW LEVEL SECURITY;

CREATE POLICY org_subscriptions_select_member ON org_subscriptions
  FOR SELECT USING (is_organization_member(organization_id));

ALTER TABLE products ENABLE ROW LEVEL SECURITY;

CREATE POLICY products_select_public ON products
  FOR SELECT USING (true);

ALTER TABLE prices ENABLE ROW LEVEL SECURITY;

CREATE POLICY prices_select_public ON prices
  FOR SELECT USING (true);

ALTER TABLE usage_events ENABLE ROW LEVEL SECURITY;

CREATE POLICY usage_events_select_own ON usage_events
  FOR SELECT USING (user_id = (SELECT current_app_user()));
CREATE POLICY usage_events_insert_own ON usage_events
  FOR INSERT WITH CHECK (
    user_id = (SELECT current_app_user()) AND is_organization_member(organization_id)
  );

ALTER TABLE usage_aggregations ENABLE ROW LEVEL SECURITY;

CREATE POLICY usage_aggregations_select_own_or_member ON usage_aggregations
  FOR SELECT USING (
    user_id = (SELECT current_app_user()) OR is_organization_member(organization_id)
  );

ALTER TABLE plan_features ENABLE ROW LEVEL SECURITY;

CREATE POLICY plan_features_select_public ON plan_features
  FOR SELECT USING (true);

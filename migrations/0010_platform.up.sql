-- Platform: audit trail, API protection, generic records with attachments, scheduling and
-- notifications, posts. All of it belongs to organizations; viewers read, members write.

-- Audit trail ---------------------------------------------------------------------------

-- No foreign keys: the trail outlives what it speaks of, and it could not be append-only if
-- deleting an organization or a user deleted or changed its rows.
CREATE TABLE audit_logs (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid,
  actor_id text,
  action text NOT NULL,
  entity_type text NOT NULL,
  entity_id text,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT audit_logs_pkey PRIMARY KEY (id)
);

CREATE INDEX idx_audit_logs_org_created_at ON audit_logs (organization_id, created_at);
CREATE INDEX idx_audit_logs_actor_created_at ON audit_logs (actor_id, created_at);
CREATE INDEX idx_audit_logs_entity ON audit_logs (entity_type, entity_id);

CREATE FUNCTION prevent_audit_log_modification() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'audit_logs is append-only: % is not allowed', TG_OP
    USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER prevent_audit_log_update
  BEFORE UPDATE ON audit_logs
  FOR EACH ROW EXECUTE FUNCTION prevent_audit_log_modification();

CREATE TRIGGER prevent_audit_log_delete
  BEFORE DELETE ON audit_logs
  FOR EACH ROW EXECUTE FUNCTION prevent_audit_log_modification();

-- What happened in an organization in [p_from, p_to), by action.
CREATE FUNCTION get_audit_stats(p_organization uuid, p_from timestamptz, p_to timestamptz)
RETURNS TABLE (action text, entry_count bigint, actor_count bigint, last_at timestamptz)
LANGUAGE sql
STABLE
SET search_path = public, pg_temp
AS $$
  SELECT l.action, count(*), count(DISTINCT l.actor_id), max(l.created_at)
  FROM audit_logs AS l
  WHERE l.organization_id = p_organization AND l.created_at >= p_from AND l.created_at < p_to
  GROUP BY l.action
  ORDER BY count(*) DESC, l.action
$$;

-- API protection ------------------------------------------------------------------------

-- The first answer to a request, given again to its repetitions until it expires.
CREATE TABLE idempotency_keys (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  user_id text,
  key text NOT NULL,
  request_hash text NOT NULL,
  response_status integer,
  response_body jsonb,
  expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours',
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (id),
  CONSTRAINT idempotency_keys_organization_id_key_key UNIQUE (organization_id, key),
  CONSTRAINT idempotency_keys_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT idempotency_keys_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX idx_idempotency_keys_user_id ON idempotency_keys (user_id);
CREATE INDEX idx_idempotency_keys_expires_at ON idempotency_keys (expires_at);

CREATE FUNCTION cleanup_expired_idempotency_keys() RETURNS bigint
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
  v_rows bigint;
BEGIN
  DELETE FROM idempotency_keys WHERE expires_at < now();
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  RETURN v_rows;
END
$$;

-- One row per bucket and fixed window; organization_id is null for callers not signed in.
CREATE TABLE rate_limits (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid,
  bucket_key text NOT NULL,
  window_start timestamptz NOT NULL,
  window_seconds integer NOT NULL,
  request_count integer NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT rate_limits_pkey PRIMARY KEY (id),
  CONSTRAINT rate_limits_bucket_key
    UNIQUE NULLS NOT DISTINCT (organization_id, bucket_key, window_seconds, window_start),
  CONSTRAINT rate_limits_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT rate_limits_window_seconds_check CHECK (window_seconds > 0),
  CONSTRAINT rate_limits_request_count_check CHECK (request_count >= 0)
);

CREATE INDEX idx_rate_limits_expires_at ON rate_limits (expires_at);

CREATE TRIGGER update_rate_limits_updated_at
  BEFORE UPDATE ON rate_limits
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE FUNCTION get_or_create_rate_limit_bucket(
  p_bucket_key text,
  p_window_seconds integer,
  p_organization uuid DEFAULT NULL
) RETURNS uuid
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
  v_start timestamptz := to_timestamp(floor(extract(epoch FROM now()) / p_window_seconds) * p_window_seconds);
  v_bucket uuid;
BEGIN
  INSERT INTO rate_limits (organization_id, bucket_key, window_start, window_seconds, expires_at)
  VALUES (
    p_organization, p_bucket_key, v_start, p_window_seconds, v_start + make_interval(secs => p_window_seconds)
  )
  ON CONFLICT ON CONSTRAINT rate_limits_bucket_key DO NOTHING;

  SELECT id INTO STRICT v_bucket
  FROM rate_limits
  WHERE organization_id IS NOT DISTINCT FROM p_organization
    AND bucket_key = p_bucket_key
    AND window_seconds = p_window_seconds
    AND window_start = v_start;
  RETURN v_bucket;
END
$$;

-- Counts one request; false when the window has had its p_max_requests already.
CREATE FUNCTION check_rate_limit_bucket(
  p_bucket_key text,
  p_max_requests integer,
  p_window_seconds integer,
  p_organization uuid DEFAULT NULL
) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
  v_bucket uuid := get_or_create_rate_limit_bucket(p_bucket_key, p_window_seconds, p_organization);
BEGIN
  UPDATE rate_limits
  SET request_count = request_count + 1
  WHERE id = v_bucket AND request_count < p_max_requests;
  RETURN FOUND;
END
$$;

CREATE FUNCTION cleanup_expired_rate_limits() RETURNS bigint
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
  v_rows bigint;
BEGIN
  DELETE FROM rate_limits WHERE expires_at < now();
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  RETURN v_rows;
END
$$;

-- Invites -------------------------------------------------------------------------------

-- 244 random bits: two version 4 UUIDs.
CREATE FUNCTION generate_invite_token() RETURNS text
LANGUAGE sql
VOLATILE
SET search_path = public, pg_temp
AS $$
  SELECT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
$$;

ALTER TABLE invites
  ALTER COLUMN token SET DEFAULT generate_invite_token();

CREATE FUNCTION cleanup_expired_invites() RETURNS bigint
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
  v_rows bigint;
BEGIN
  DELETE FROM invites WHERE accepted_at IS NULL AND expires_at < now();
  GET DIAGNOSTICS v_rows = ROW_COUNT;
  RETURN v_rows;
END
$$;

-- Records -------------------------------------------------------------------------------

CREATE TABLE record_types (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  key text NOT NULL,
  name text NOT NULL,
  fields jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT record_types_pkey PRIMARY KEY (id),
  CONSTRAINT record_types_organization_id_key_key UNIQUE (organization_id, key),
  CONSTRAINT record_types_organization_id_id_key UNIQUE (organization_id, id),
  CONSTRAINT record_types_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE TRIGGER update_record_types_updated_at
  BEFORE UPDATE ON record_types
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- The pair as foreign key: a record can not have a type of another organization.
CREATE TABLE records (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  record_type_id uuid NOT NULL,
  created_by text,
  data jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT records_pkey PRIMARY KEY (id),
  CONSTRAINT records_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT records_organization_id_record_type_id_fkey
    FOREIGN KEY (organization_id, record_type_id)
    REFERENCES record_types (organization_id, id) ON DELETE CASCADE,
  CONSTRAINT records_created_by_fkey
    FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX idx_records_org_type_created_at ON records (organization_id, record_type_id, created_at);
CREATE INDEX idx_records_created_by ON records (created_by);

CREATE TRIGGER update_records_updated_at
  BEFORE UPDATE ON records
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE TABLE attachments (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  record_id uuid,
  uploaded_by text,
  storage_path text NOT NULL,
  file_name text NOT NULL,
  content_type text NOT NULL DEFAULT 'application/octet-stream',
  size_bytes bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT attachments_pkey PRIMARY KEY (id),
  CONSTRAINT attachments_storage_path_key UNIQUE (storage_path),
  CONSTRAINT attachments_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT attachments_record_id_fkey
    FOREIGN KEY (record_id) REFERENCES records (id) ON DELETE CASCADE,
  CONSTRAINT attachments_uploaded_by_fkey
    FOREIGN KEY (uploaded_by) REFERENCES users (id) ON DELETE SET NULL,
  CONSTRAINT attachments_size_bytes_check CHECK (size_bytes >= 0)
);

CREATE INDEX idx_attachments_organization_id ON attachments (organization_id);
CREATE INDEX idx_attachments_record_id ON attachments (record_id);
CREATE INDEX idx_attachments_uploaded_by ON attachments (uploaded_by);

-- A link that ends: the path, when it expires and a token over both, which the storage
-- gateway computes again from the same secret. Twice hashed, because sha256(secret || text)
-- alone could be extended and hmac() needs an extension.
CREATE FUNCTION generate_signed_url(p_path text, p_expires_in_seconds integer DEFAULT 3600) RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = public, pg_temp
AS $$
DECLARE
  v_secret bytea := convert_to(current_setting('app.signing_secret', true), 'UTF8');
  v_expires bigint := floor(extract(epoch FROM now())) + p_expires_in_seconds;
  v_token text;
BEGIN
  IF coalesce(length(v_secret), 0) = 0 THEN
    RAISE EXCEPTION 'no secret to sign with'
      USING HINT = 'Set app.signing_secret for the role or the session.';
  END IF;
  v_token := encode(
    sha256(v_secret || sha256(v_secret || convert_to(v_expires || ':' || p_path, 'UTF8'))),
    'hex'
  );
  RETURN format('%s?expires=%s&token=%s', p_path, v_expires, v_token);
END
$$;

-- Scheduling and notifications ----------------------------------------------------------

-- The n-th occurrence is starts_at + n * every, counted from the start each time: adding a
-- month to the last one would move the 31st to the 28th for good.
CREATE TABLE schedules (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  record_id uuid,
  created_by text,
  name text NOT NULL,
  starts_at timestamptz NOT NULL,
  every interval NOT NULL,
  occurrences integer NOT NULL DEFAULT 0,
  next_run_at timestamptz NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT schedules_pkey PRIMARY KEY (id),
  CONSTRAINT schedules_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT schedules_record_id_fkey
    FOREIGN KEY (record_id) REFERENCES records (id) ON DELETE CASCADE,
  CONSTRAINT schedules_created_by_fkey
    FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE SET NULL,
  CONSTRAINT schedules_every_check CHECK (every >= interval '1 minute'),
  CONSTRAINT schedules_occurrences_check CHECK (occurrences >= 0)
);

CREATE INDEX idx_schedules_organization_id ON schedules (organization_id);
CREATE INDEX idx_schedules_record_id ON schedules (record_id);
CREATE INDEX idx_schedules_created_by ON schedules (created_by);
CREATE INDEX idx_schedules_next_run_at ON schedules (next_run_at) WHERE is_active;

CREATE TRIGGER update_schedules_updated_at
  BEFORE UPDATE ON schedules
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE TABLE reminders (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  schedule_id uuid,
  user_id text,
  title text NOT NULL,
  remind_at timestamptz NOT NULL,
  status text NOT NULL DEFAULT 'pending',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT reminders_pkey PRIMARY KEY (id),
  CONSTRAINT reminders_schedule_id_remind_at_key UNIQUE (schedule_id, remind_at),
  CONSTRAINT reminders_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT reminders_schedule_id_fkey
    FOREIGN KEY (schedule_id) REFERENCES schedules (id) ON DELETE CASCADE,
  CONSTRAINT reminders_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT reminders_status_check CHECK (status IN ('pending', 'sent', 'cancelled'))
);

CREATE INDEX idx_reminders_organization_id ON reminders (organization_id);
CREATE INDEX idx_reminders_user_id ON reminders (user_id);
CREATE INDEX idx_reminders_remind_at ON reminders (remind_at) WHERE status = 'pending';

CREATE TRIGGER update_reminders_updated_at
  BEFORE UPDATE ON reminders
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- Written in the transaction that causes the notification, delivered by a worker afterwards.
CREATE TABLE notifications_outbox (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  event_type text NOT NULL,
  payload jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL DEFAULT 'pending',
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  available_at timestamptz NOT NULL DEFAULT now(),
  delivered_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT notifications_outbox_pkey PRIMARY KEY (id),
  CONSTRAINT notifications_outbox_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT notifications_outbox_status_check CHECK (status IN ('pending', 'delivered', 'failed')),
  CONSTRAINT notifications_outbox_attempts_check CHECK (attempts >= 0)
);

CREATE INDEX idx_notifications_outbox_organization_id ON notifications_outbox (organization_id);
CREATE INDEX idx_notifications_outbox_available_at ON notifications_outbox (available_at)
  WHERE status = 'pending';

CREATE TRIGGER update_notifications_outbox_updated_at
  BEFORE UPDATE ON notifications_outbox
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

CREATE FUNCTION emit_notification_event(
  p_organization uuid,
  p_event_type text,
  p_payload jsonb DEFAULT '{}',
  p_available_at timestamptz DEFAULT now()
) RETURNS uuid
LANGUAGE sql
SET search_path = public, pg_temp
AS $$
  INSERT INTO notifications_outbox (organization_id, event_type, payload, available_at)
  VALUES (p_organization, p_event_type, p_payload, p_available_at)
  RETURNING id
$$;

-- Turns every occurrence up to p_until into a reminder and an event in the outbox, once.
-- Returns how many. Several workers may call it: each takes the schedules the others left.
CREATE FUNCTION create_reminders_from_schedules(p_until timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  v_schedule schedules;
  v_reminder uuid;
  v_created bigint := 0;
BEGIN
  FOR v_schedule IN
    SELECT * FROM schedules
    WHERE is_active AND next_run_at <= p_until
    ORDER BY id
    FOR UPDATE SKIP LOCKED
  LOOP
    WHILE v_schedule.next_run_at <= p_until LOOP
      INSERT INTO reminders (organization_id, schedule_id, user_id, title, remind_at)
      VALUES (
        v_schedule.organization_id,
        v_schedule.id,
        v_schedule.created_by,
        v_schedule.name,
        v_schedule.next_run_at
      )
      ON CONFLICT (schedule_id, remind_at) DO NOTHING
      RETURNING id INTO v_reminder;

      IF FOUND THEN
        v_created := v_created + 1;
        PERFORM emit_notification_event(
          v_schedule.organization_id,
          'reminder.due',
          jsonb_build_object('reminder_id', v_reminder),
          v_schedule.next_run_at
        );
      END IF;

      v_schedule.occurrences := v_schedule.occurrences + 1;
      v_schedule.next_run_at := v_schedule.starts_at + v_schedule.occurrences * v_schedule.every;
    END LOOP;

    UPDATE schedules
    SET occurrences = v_schedule.occurrences, next_run_at = v_schedule.next_run_at
    WHERE id = v_schedule.id;
  END LOOP;
  RETURN v_created;
END
$$;

-- Posts ---------------------------------------------------------------------------------

CREATE TABLE posts (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  author_id text,
  slug text NOT NULL,
  title text NOT NULL,
  body text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'draft',
  published_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT posts_pkey PRIMARY KEY (id),
  CONSTRAINT posts_organization_id_slug_key UNIQUE (organization_id, slug),
  CONSTRAINT posts_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT posts_author_id_fkey
    FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE SET NULL,
  CONSTRAINT posts_status_check CHECK (status IN ('draft', 'published', 'archived')),
  CONSTRAINT posts_published_at_check CHECK (status <> 'published' OR published_at IS NOT NULL)
);

CREATE INDEX idx_posts_author_id ON posts (author_id);
CREATE INDEX idx_posts_published_at ON posts (published_at) WHERE status = 'published';

CREATE TRIGGER update_posts_updated_at
  BEFORE UPDATE ON posts
  FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();

-- Row-level security --------------------------------------------------------------------

ALTER TABLE audit_logs ENABLE ROW LEVEL SECURITY;

CREATE POLICY audit_logs_select_owner ON audit_logs
  FOR SELECT USING (has_organization_role(organization_id, 'owner'));
CREATE POLICY audit_logs_insert_member ON audit_logs
  FOR INSERT WITH CHECK (
    actor_id = (SELECT current_app_user()) AND is_organization_member(organization_id)
  );

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;

CREATE POLICY idempotency_keys_all_own ON idempotency_keys
  USING (user_id = (SELECT current_app_user()) AND is_organization_member(organization_id));

-- Who is limited must not write the count: members see it, the service role keeps it.
ALTER TABLE rate_limits ENABLE ROW LEVEL SECURITY;

CREATE POLICY rate_limits_select_member ON rate_limits
  FOR SELECT USING (is_organization_member(organization_id));

ALTER TABLE record_types ENABLE ROW LEVEL SECURITY;

CREATE POLICY record_types_select_member ON record_types
  FOR SELECT USING (is_organization_member(organization_id));
CREATE POLICY record_types_insert_member ON record_types
  FOR INSERT WITH CHECK (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY record_types_update_member ON record_types
  FOR UPDATE USING (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY record_types_delete_member ON record_types
  FOR DELETE USING (has_organization_role(organization_id, 'owner', 'member'));

ALTER TABLE records ENABLE ROW LEVEL SECURITY;

CREATE POLICY records_select_member ON records
  FOR SELECT USING (is_organization_member(organization_id));
CREATE POLICY records_insert_member ON records
  FOR INSERT WITH CHECK (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY records_update_member ON records
  FOR UPDATE USING (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY records_delete_member ON records
  FOR DELETE USING (has_organization_role(organization_id, 'owner', 'member'));

ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;

CREATE POLICY attachments_select_member ON attachments
  FOR SELECT USING (is_organization_member(organization_id));
CREATE POLICY attachments_insert_member ON attachments
  FOR INSERT WITH CHECK (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY attachments_update_member ON attachments
  FOR UPDATE USING (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY attachments_delete_member ON attachments
  FOR DELETE USING (has_organization_role(organization_id, 'owner', 'member'));

ALTER TABLE schedules ENABLE ROW LEVEL SECURITY;

CREATE POLICY schedules_select_member ON schedules
  FOR SELECT USING (is_organization_member(organization_id));
CREATE POLICY schedules_insert_member ON schedules
  FOR INSERT WITH CHECK (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY schedules_update_member ON schedules
  FOR UPDATE USING (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY schedules_delete_member ON schedules
  FOR DELETE USING (has_organization_role(organization_id, 'owner', 'member'));

ALTER TABLE reminders ENABLE ROW LEVEL SECURITY;

CREATE POLICY reminders_select_member ON reminders
  FOR SELECT USING (is_organization_member(organization_id));
CREATE POLICY reminders_insert_member ON reminders
  FOR INSERT WITH CHECK (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY reminders_update_member ON reminders
  FOR UPDATE USING (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY reminders_delete_member ON reminders
  FOR DELETE USING (has_organization_role(organization_id, 'owner', 'member'));

ALTER TABLE notifications_outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY notifications_outbox_select_member ON notifications_outbox
  FOR SELECT USING (is_organization_member(organization_id));
CREATE POLICY notifications_outbox_insert_member ON notifications_outbox
  FOR INSERT WITH CHECK (has_organization_role(organization_id, 'owner', 'member'));

ALTER TABLE posts ENABLE ROW LEVEL SECURITY;

CREATE POLICY posts_select_published_or_member ON posts
  FOR SELECT USING (status = 'published' OR is_organization_member(organization_id));
CREATE POLICY posts_insert_member ON posts
  FOR INSERT WITH CHECK (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY posts_update_member ON posts
  FOR UPDATE USING (has_organization_role(organization_id, 'owner', 'member'));
CREATE POLICY posts_delete_member ON posts
  FOR DELETE USING (has_organization_role(organization_id, 'owner', 'member'));

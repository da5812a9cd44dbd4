-- Content, workshops, and commerce in its old shape: purchases and access know neither their
-- organization nor their payment, and playback times have no time zone (see 0007 and 0008).

-- A null organization_id is personal content of its creator.
CREATE TABLE content (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid,
  creator_id text NOT NULL,
  title text NOT NULL,
  content_type text NOT NULL DEFAULT 'video',
  status text NOT NULL DEFAULT 'draft',
  price_cents integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT content_pkey PRIMARY KEY (id),
  CONSTRAINT content_organization_id_organizations_id_fk
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT content_creator_id_users_id_fk
    FOREIGN KEY (creator_id) REFERENCES users (id) ON DELETE RESTRICT,
  CONSTRAINT check_content_price_not_negative CHECK (price_cents >= 0)
);

CREATE INDEX idx_content_organization_id ON content (organization_id);
CREATE INDEX idx_content_creator_id ON content (creator_id);

CREATE TRIGGER set_content_updated_at
  BEFORE UPDATE ON content
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- owner_id is an id of the external auth service, which may not be in users: no foreign key.
CREATE TABLE workshops (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  owner_id text NOT NULL,
  title text NOT NULL,
  status text NOT NULL DEFAULT 'draft',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT workshops_pkey PRIMARY KEY (id)
);

CREATE INDEX idx_workshops_owner_id ON workshops (owner_id);

CREATE TRIGGER set_workshops_updated_at
  BEFORE UPDATE ON workshops
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE content_access (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id text NOT NULL,
  content_id uuid NOT NULL,
  access_type varchar(50) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT content_access_pkey PRIMARY KEY (id),
  CONSTRAINT content_access_user_id_users_id_fk
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT content_access_content_id_content_id_fk
    FOREIGN KEY (content_id) REFERENCES content (id) ON DELETE CASCADE
);

CREATE INDEX idx_content_access_user_id ON content_access (user_id);
CREATE INDEX idx_content_access_content_id ON content_access (content_id);

CREATE TABLE purchases (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  customer_id text NOT NULL,
  content_id uuid NOT NULL,
  status varchar(50) NOT NULL,
  amount_paid_cents integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT purchases_pkey PRIMARY KEY (id),
  CONSTRAINT purchases_customer_id_users_id_fk
    FOREIGN KEY (customer_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT purchases_content_id_content_id_fk
    FOREIGN KEY (content_id) REFERENCES content (id) ON DELETE RESTRICT
);

CREATE INDEX idx_purchases_customer_id ON purchases (customer_id);
CREATE INDEX idx_purchases_content_id ON purchases (content_id);

CREATE TABLE video_playback (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id text NOT NULL,
  content_id uuid NOT NULL,
  position_seconds integer NOT NULL DEFAULT 0,
  duration_seconds integer NOT NULL,
  completed boolean NOT NULL DEFAULT false,
  updated_at timestamp NOT NULL DEFAULT now(),
  created_at timestamp NOT NULL DEFAULT now(),
  CONSTRAINT video_playback_pkey PRIMARY KEY (id),
  CONSTRAINT video_playback_user_id_content_id_unique UNIQUE (user_id, content_id),
  CONSTRAINT video_playback_user_id_users_id_fk
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT video_playback_content_id_content_id_fk
    FOREIGN KEY (content_id) REFERENCES content (id) ON DELETE CASCADE
);

CREATE INDEX idx_video_playback_user_id ON video_playback (user_id);
CREATE INDEX idx_video_playback_content_id ON video_playback (content_id);

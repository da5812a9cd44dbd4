-- Organizations, who belongs to them in which role, and open invitations.

CREATE TABLE organizations (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  owner_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT organizations_pkey PRIMARY KEY (id),
  CONSTRAINT organizations_owner_id_fkey
    FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE RESTRICT
);

CREATE INDEX idx_organizations_owner_id ON organizations (owner_id);

CREATE TRIGGER set_organizations_updated_at
  BEFORE UPDATE ON organizations
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE organization_members (
  organization_id uuid NOT NULL,
  user_id text NOT NULL,
  role text NOT NULL DEFAULT 'member',
  joined_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT organization_members_pkey PRIMARY KEY (organization_id, user_id),
  CONSTRAINT organization_members_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT organization_members_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT organization_members_role_check CHECK (role IN ('owner', 'member', 'viewer'))
);

CREATE INDEX idx_organization_members_user_id ON organization_members (user_id);

CREATE TABLE invites (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  email text NOT NULL,
  role text NOT NULL DEFAULT 'member',
  token text NOT NULL,
  expires_at timestamptz NOT NULL DEFAULT now() + interval '168 hours',
  accepted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT invites_pkey PRIMARY KEY (id),
  CONSTRAINT invites_token_key UNIQUE (token),
  CONSTRAINT invites_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT invites_role_check CHECK (role IN ('owner', 'member', 'viewer'))
);

CREATE INDEX idx_invites_organization_id ON invites (organization_id);
CREATE INDEX idx_invites_email ON invites (email);

CREATE TRIGGER set_invites_updated_at
  BEFORE UPDATE ON invites
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- security_invoker: whoever reads the view sees no more than row security lets them see.
CREATE VIEW team_members WITH (security_invoker = true) AS
SELECT
  m.organization_id,
  m.user_id,
  m.role,
  m.joined_at,
  coalesce(u.full_name, u.name) AS name,
  u.email
FROM organization_members AS m
JOIN users AS u ON u.id = m.user_id;

-- Multi-tenancy for purchases and access, additive part: nothing here refuses a row that
-- the running application writes. The backfill organization-id comes next, then 0008.

ALTER TABLE content_access
  ADD COLUMN organization_id uuid,
  ADD COLUMN expires_at timestamptz,
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

ALTER TABLE purchases
  ADD COLUMN organization_id uuid,
  ADD COLUMN currency varchar(3) NOT NULL DEFAULT 'usd',
  ADD COLUMN stripe_payment_intent_id varchar(255),
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

-- The old values were written in UTC. Said with USING: a plain change of type would read
-- them in the time zone of whoever runs the migration.
ALTER TABLE video_playback
  ALTER COLUMN updated_at SET DATA TYPE timestamptz USING updated_at AT TIME ZONE 'UTC',
  ALTER COLUMN updated_at SET DEFAULT now(),
  ALTER COLUMN created_at SET DATA TYPE timestamptz USING created_at AT TIME ZONE 'UTC',
  ALTER COLUMN created_at SET DEFAULT now();

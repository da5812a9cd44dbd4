-- Undoes 0007_tenancy_expand.

ALTER TABLE video_playback
  ALTER COLUMN created_at SET DATA TYPE timestamp USING created_at AT TIME ZONE 'UTC',
  ALTER COLUMN created_at SET DEFAULT now(),
  ALTER COLUMN updated_at SET DATA TYPE timestamp USING updated_at AT TIME ZONE 'UTC',
  ALTER COLUMN updated_at SET DEFAULT now();

ALTER TABLE purchases
  DROP COLUMN updated_at,
  DROP COLUMN stripe_payment_intent_id,
  DROP COLUMN currency,
  DROP COLUMN organization_id;

ALTER TABLE content_access
  DROP COLUMN updated_at,
  DROP COLUMN expires_at,
  DROP COLUMN organization_id;

-- Undoes 0008_tenancy_contract; the organization ids that the backfill found stay.

ALTER TABLE purchases
  DROP CONSTRAINT check_amount_positive,
  DROP CONSTRAINT check_purchase_status,
  DROP CONSTRAINT purchases_organization_id_organizations_id_fk,
  DROP CONSTRAINT purchases_stripe_payment_intent_id_unique,
  ALTER COLUMN stripe_payment_intent_id DROP NOT NULL,
  ALTER COLUMN organization_id DROP NOT NULL;

ALTER TABLE content_access
  DROP CONSTRAINT check_access_type,
  DROP CONSTRAINT content_access_organization_id_organizations_id_fk,
  DROP CONSTRAINT content_access_user_content_unique,
  ALTER COLUMN organization_id DROP NOT NULL;

DROP INDEX idx_purchases_created_at;
DROP INDEX idx_purchases_stripe_payment_intent;
DROP INDEX idx_purchases_organization_id;
DROP INDEX idx_content_access_organization_id;

UPDATE purchases
SET stripe_payment_intent_id = NULL
WHERE stripe_payment_intent_id = 'legacy_' || id;

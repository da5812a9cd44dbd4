-- dbops: requires-backfill organization-id
-- dbops: no-transaction
-- Multi-tenancy for purchases and access, contracting part: what 0007 allowed to be missing
-- becomes required. Every statement commits alone and none holds a long lock.

-- Look before the first change, so that a refusal leaves nothing half done.
DO $$
BEGIN
  IF EXISTS (SELECT FROM content_access WHERE organization_id IS NULL)
    OR EXISTS (SELECT FROM purchases WHERE organization_id IS NULL)
  THEN
    RAISE EXCEPTION 'content_access or purchases has rows without organization_id'
      USING HINT = 'Run the backfill organization-id first.';
  END IF;
  IF EXISTS (SELECT FROM content_access GROUP BY user_id, content_id HAVING count(*) > 1) THEN
    RAISE EXCEPTION 'content_access has more than one row for a user and content'
      USING HINT = 'Keep one row of each pair; which one is a decision about data.';
  END IF;
END
$$;

-- Payments from before 0007 were never recorded: a marked placeholder stands for them.
UPDATE purchases
SET stripe_payment_intent_id = 'legacy_' || id
WHERE stripe_payment_intent_id IS NULL;

-- NOT NULL, proven by a check first so that SET NOT NULL need not read the table under its
-- lock. The checks are added only now because NOT VALID already binds every new row version.
ALTER TABLE content_access
  ADD CONSTRAINT content_access_organization_id_nn CHECK (organization_id IS NOT NULL) NOT VALID;

ALTER TABLE purchases
  ADD CONSTRAINT purchases_organization_id_nn CHECK (organization_id IS NOT NULL) NOT VALID,
  ADD CONSTRAINT purchases_stripe_payment_intent_id_nn CHECK (stripe_payment_intent_id IS NOT NULL) NOT VALID;

-- Once more for rows that arrived between the first fill and the check.
UPDATE purchases
SET stripe_payment_intent_id = 'legacy_' || id
WHERE stripe_payment_intent_id IS NULL;

ALTER TABLE content_access VALIDATE CONSTRAINT content_access_organization_id_nn;
ALTER TABLE purchases VALIDATE CONSTRAINT purchases_organization_id_nn;
ALTER TABLE purchases VALIDATE CONSTRAINT purchases_stripe_payment_intent_id_nn;

ALTER TABLE content_access ALTER COLUMN organization_id SET NOT NULL;

ALTER TABLE purchases
  ALTER COLUMN organization_id SET NOT NULL,
  ALTER COLUMN stripe_payment_intent_id SET NOT NULL;

ALTER TABLE content_access DROP CONSTRAINT content_access_organization_id_nn;

ALTER TABLE purchases
  DROP CONSTRAINT purchases_organization_id_nn,
  DROP CONSTRAINT purchases_stripe_payment_intent_id_nn;

-- Indexes
CREATE INDEX CONCURRENTLY idx_content_access_organization_id ON content_access (organization_id);
CREATE INDEX CONCURRENTLY idx_purchases_organization_id ON purchases (organization_id);
CREATE INDEX CONCURRENTLY idx_purchases_stripe_payment_intent ON purchases (stripe_payment_intent_id);
CREATE INDEX CONCURRENTLY idx_purchases_created_at ON purchases (created_at);

-- Unique constraints
CREATE UNIQUE INDEX CONCURRENTLY content_access_user_content_unique
  ON content_access (user_id, content_id);

ALTER TABLE content_access
  ADD CONSTRAINT content_access_user_content_unique
    UNIQUE USING INDEX content_access_user_content_unique;

CREATE UNIQUE INDEX CONCURRENTLY purchases_stripe_payment_intent_id_unique
  ON purchases (stripe_payment_intent_id);

ALTER TABLE purchases
  ADD CONSTRAINT purchases_stripe_payment_intent_id_unique
    UNIQUE USING INDEX purchases_stripe_payment_intent_id_unique;

-- Foreign keys
ALTER TABLE content_access
  ADD CONSTRAINT content_access_organization_id_organizations_id_fk
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE NOT VALID;

ALTER TABLE content_access VALIDATE CONSTRAINT content_access_organization_id_organizations_id_fk;

ALTER TABLE purchases
  ADD CONSTRAINT purchases_organization_id_organizations_id_fk
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE RESTRICT NOT VALID;

ALTER TABLE purchases VALIDATE CONSTRAINT purchases_organization_id_organizations_id_fk;

-- Checks
ALTER TABLE content_access
  ADD CONSTRAINT check_access_type
    CHECK (access_type IN ('purchased', 'subscription', 'complimentary', 'preview')) NOT VALID;

ALTER TABLE content_access VALIDATE CONSTRAINT check_access_type;

ALTER TABLE purchases
  ADD CONSTRAINT check_purchase_status
    CHECK (status IN ('pending', 'completed', 'refunded', 'failed')) NOT VALID,
  ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents >= 0) NOT VALID;

ALTER TABLE purchases VALIDATE CONSTRAINT check_purchase_status;
ALTER TABLE purchases VALIDATE CONSTRAINT check_amount_positive;

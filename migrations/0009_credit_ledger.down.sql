-- Undoes 0009_credit_ledger.

DROP TABLE credit_transactions;

ALTER TABLE workshops
  DROP COLUMN credit_consumed_at;

CREATE OR REPLACE FUNCTION complete_onboarding(p_user text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
  UPDATE users SET onboarding_completed = true WHERE id = p_user;
  RETURN FOUND;
END
$$;

DROP TRIGGER protect_users_billing ON users;

DROP INDEX idx_users_stripe_customer_id;

ALTER TABLE users
  DROP COLUMN plan_tier,
  DROP COLUMN stripe_customer_id,
  DROP COLUMN onboarding_complete,
  DROP COLUMN credit_balance;

-- Credit ledger: a balance and a plan on users, the moment a workshop used its credit, and
-- every movement of credits in a table of its own.

ALTER TABLE users
  ADD COLUMN credit_balance integer NOT NULL DEFAULT 0,
  ADD COLUMN onboarding_complete boolean NOT NULL DEFAULT false,
  ADD COLUMN stripe_customer_id text,
  ADD COLUMN plan_tier text NOT NULL DEFAULT 'free';

CREATE INDEX idx_users_stripe_customer_id ON users (stripe_customer_id);

CREATE TRIGGER protect_users_billing
  BEFORE UPDATE ON users
  FOR EACH ROW
  WHEN (
    (OLD.credit_balance, OLD.stripe_customer_id, OLD.plan_tier)
    IS DISTINCT FROM (NEW.credit_balance, NEW.stripe_customer_id, NEW.plan_tier)
  )
  EXECUTE FUNCTION prevent_protected_column_change();

-- Two applications ask the same question under two names; the answer is kept the same.
CREATE OR REPLACE FUNCTION complete_onboarding(p_user text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
  UPDATE users SET onboarding_completed = true, onboarding_complete = true WHERE id = p_user;
  RETURN FOUND;
END
$$;

ALTER TABLE workshops
  ADD COLUMN credit_consumed_at timestamptz;

-- user_id is an id of the external auth service, matched as text: no foreign key, so the
-- record of money outlives the user. A deleted workshop leaves its transactions for the same reason.
CREATE TABLE credit_transactions (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id text NOT NULL,
  type text NOT NULL,
  status text NOT NULL DEFAULT 'pending',
  amount integer NOT NULL,
  balance_after integer,
  stripe_session_id text,
  workshop_id uuid,
  description text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT credit_transactions_pkey PRIMARY KEY (id),
  CONSTRAINT credit_transactions_stripe_session_id_key UNIQUE (stripe_session_id),
  CONSTRAINT credit_transactions_workshop_id_fkey
    FOREIGN KEY (workshop_id) REFERENCES workshops (id) ON DELETE SET NULL,
  CONSTRAINT credit_transactions_type_check CHECK (type IN ('purchase', 'consumption', 'refund')),
  CONSTRAINT credit_transactions_status_check CHECK (status IN ('pending', 'completed', 'failed')),
  CONSTRAINT credit_transactions_amount_check CHECK (
    CASE type
      WHEN 'purchase' THEN amount > 0
      WHEN 'consumption' THEN amount < 0
      ELSE amount <> 0
    END
  )
);

CREATE INDEX idx_credit_transactions_user_id ON credit_transactions (user_id);
CREATE INDEX idx_credit_transactions_workshop_id ON credit_transactions (workshop_id);
CREATE INDEX idx_credit_transactions_user_created_at ON credit_transactions (user_id, created_at);

COMMENT ON COLUMN credit_transactions.amount IS
  'Credits as they change the balance: a purchase is positive, a consumption negative. A refund is '
  'positive when it gives used credits back, negative when it takes bought credits back. The balance '
  'is the sum over completed rows.';
COMMENT ON COLUMN credit_transactions.balance_after IS
  'users.credit_balance once the row was completed; NULL while it is pending or when it failed.';
COMMENT ON COLUMN credit_transactions.stripe_session_id IS
  'Unique, so that a webhook delivered twice fulfils once; NULL for rows that no payment started.';

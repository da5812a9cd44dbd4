-- Enhanced credits and user profile: free and pro credits apart, Stripe's price and
-- cancellation on subscriptions, notification preferences.

ALTER TABLE credits
  ADD COLUMN credit_type varchar(10) NOT NULL DEFAULT 'free',
  ADD COLUMN monthly_allocation integer NOT NULL DEFAULT 2000,
  ADD COLUMN reset_day_of_month integer NOT NULL DEFAULT 1,
  ADD CONSTRAINT credits_credit_type_check CHECK (credit_type IN ('free', 'pro')),
  ADD CONSTRAINT credits_monthly_allocation_check CHECK (monthly_allocation >= 0),
  ADD CONSTRAINT credits_reset_day_of_month_check CHECK (reset_day_of_month BETWEEN 1 AND 31);

CREATE INDEX idx_credits_user_type_current ON credits (user_id, credit_type, is_current);

-- One current row per user becomes one per user and type.
CREATE UNIQUE INDEX credits_user_type_current_key ON credits (user_id, credit_type) WHERE is_current;
DROP INDEX credits_user_current_key;

ALTER TABLE subscriptions
  ADD COLUMN stripe_price_id varchar(255),
  ADD COLUMN cancel_at_period_end boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT subscriptions_stripe_subscription_id_key UNIQUE (stripe_subscription_id),
  ADD CONSTRAINT subscriptions_stripe_customer_id_key UNIQUE (stripe_customer_id);

ALTER TABLE user_preferences
  ADD COLUMN email_notifications boolean NOT NULL DEFAULT true,
  ADD COLUMN usage_alerts boolean NOT NULL DEFAULT true;

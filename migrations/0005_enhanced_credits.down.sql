-- Undoes 0005_enhanced_credits.

ALTER TABLE user_preferences
  DROP COLUMN usage_alerts,
  DROP COLUMN email_notifications;

ALTER TABLE subscriptions
  DROP CONSTRAINT subscriptions_stripe_customer_id_key,
  DROP CONSTRAINT subscriptions_stripe_subscription_id_key,
  DROP COLUMN cancel_at_period_end,
  DROP COLUMN stripe_price_id;

-- Without a type only one row per user can be current. Where there are two, the free one
-- stays: it is the one that existed before.
UPDATE credits AS pro
SET is_current = false
WHERE pro.credit_type = 'pro'
  AND pro.is_current
  AND EXISTS (
    SELECT FROM credits AS free
    WHERE free.user_id = pro.user_id AND free.credit_type = 'free' AND free.is_current
  );

CREATE UNIQUE INDEX credits_user_current_key ON credits (user_id) WHERE is_current;

DROP INDEX credits_user_type_current_key;
DROP INDEX idx_credits_user_type_current;

ALTER TABLE credits
  DROP CONSTRAINT credits_reset_day_of_month_check,
  DROP CONSTRAINT credits_monthly_allocation_check,
  DROP CONSTRAINT credits_credit_type_check,
  DROP COLUMN reset_day_of_month,
  DROP COLUMN monthly_allocation,
  DROP COLUMN credit_type;

-- Undoes 0004_subscriptions_and_credits.

DROP TABLE processed_events;
DROP TABLE prices;
DROP TABLE products;
DROP TABLE org_subscriptions;
DROP TABLE billing_customers;
DROP TABLE credits;
DROP TABLE subscriptions;

DROP TYPE subscription_status;
DROP TYPE pricing_plan_interval;
DROP TYPE pricing_type;

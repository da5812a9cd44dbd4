-- Billing as it stood before the enhanced credits: per-user subscriptions and credits, and
-- beside them the organization-based billing that Stripe's webhooks fill.

CREATE TYPE pricing_type AS ENUM ('one_time', 'recurring');

CREATE TYPE pricing_plan_interval AS ENUM ('day', 'week', 'month', 'year');

-- Stripe's words, and therefore Stripe's spelling.
CREATE TYPE subscription_status AS ENUM (
  'trialing', 'active', 'canceled', 'incomplete', 'incomplete_expired', 'past_due', 'unpaid', 'paused'
);

CREATE TABLE subscriptions (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id text NOT NULL,
  tier text NOT NULL DEFAULT 'free',
  status text NOT NULL DEFAULT 'active',
  billing_cycle text NOT NULL DEFAULT 'monthly',
  current_period_start timestamptz,
  current_period_end timestamptz,
  stripe_subscription_id varchar(255),
  stripe_customer_id varchar(255),
  trial_end timestamptz,
  cancelled_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT subscriptions_pkey PRIMARY KEY (id),
  CONSTRAINT subscriptions_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT subscriptions_tier_check CHECK (tier IN ('free', 'pro')),
  CONSTRAINT subscriptions_current_period_check CHECK (current_period_end > current_period_start)
);

CREATE INDEX idx_subscriptions_user_id ON subscriptions (user_id);

CREATE TRIGGER set_subscriptions_updated_at
  BEFORE UPDATE ON subscriptions
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- The default period is the current UTC month, whatever the session's time zone.
-- used_credits may exceed total_credits: overdraft is reported, not refused.
CREATE TABLE credits (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id text NOT NULL,
  total_credits integer NOT NULL DEFAULT 0,
  used_credits integer NOT NULL DEFAULT 0,
  remaining_credits integer GENERATED ALWAYS AS (total_credits - used_credits) STORED,
  billing_period_start timestamptz NOT NULL
    DEFAULT (date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'),
  billing_period_end timestamptz NOT NULL
    DEFAULT ((date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'),
  is_current boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT credits_pkey PRIMARY KEY (id),
  CONSTRAINT credits_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
  CONSTRAINT credits_total_credits_check CHECK (total_credits >= 0),
  CONSTRAINT credits_used_credits_check CHECK (used_credits >= 0),
  CONSTRAINT credits_billing_period_check CHECK (billing_period_end > billing_period_start)
);

CREATE INDEX idx_credits_user_period ON credits (user_id, billing_period_start);
CREATE UNIQUE INDEX credits_user_current_key ON credits (user_id) WHERE is_current;

CREATE TRIGGER set_credits_updated_at
  BEFORE UPDATE ON credits
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE billing_customers (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  stripe_customer_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT billing_customers_pkey PRIMARY KEY (id),
  CONSTRAINT billing_customers_organization_id_key UNIQUE (organization_id),
  CONSTRAINT billing_customers_stripe_customer_id_key UNIQUE (stripe_customer_id),
  CONSTRAINT billing_customers_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE TRIGGER set_billing_customers_updated_at
  BEFORE UPDATE ON billing_customers
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE org_subscriptions (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  plan text NOT NULL DEFAULT 'free',
  seats integer NOT NULL DEFAULT 1,
  status subscription_status NOT NULL DEFAULT 'active',
  stripe_subscription_id text,
  stripe_price_id text,
  current_period_start timestamptz,
  current_period_end timestamptz,
  cancel_at_period_end boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT org_subscriptions_pkey PRIMARY KEY (id),
  CONSTRAINT org_subscriptions_stripe_subscription_id_key UNIQUE (stripe_subscription_id),
  CONSTRAINT org_subscriptions_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT org_subscriptions_plan_check CHECK (plan IN ('free', 'pro', 'business', 'enterprise')),
  CONSTRAINT org_subscriptions_seats_check CHECK (seats > 0),
  CONSTRAINT org_subscriptions_current_period_check CHECK (current_period_end > current_period_start)
);

CREATE INDEX idx_org_subscriptions_organization_id ON org_subscriptions (organization_id);
CREATE UNIQUE INDEX org_subscriptions_active_key ON org_subscriptions (organization_id)
  WHERE status = 'active';

CREATE TRIGGER set_org_subscriptions_updated_at
  BEFORE UPDATE ON org_subscriptions
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE products (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  stripe_product_id text,
  name text NOT NULL,
  description text,
  image_url text,
  is_active boolean NOT NULL DEFAULT true,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT products_pkey PRIMARY KEY (id),
  CONSTRAINT products_stripe_product_id_key UNIQUE (stripe_product_id)
);

CREATE TRIGGER set_products_updated_at
  BEFORE UPDATE ON products
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE prices (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  product_id uuid NOT NULL,
  stripe_price_id text,
  type pricing_type NOT NULL,
  billing_interval pricing_plan_interval,
  interval_count integer NOT NULL DEFAULT 1,
  unit_amount_cents bigint NOT NULL,
  currency varchar(3) NOT NULL DEFAULT 'usd',
  trial_period_days integer,
  is_active boolean NOT NULL DEFAULT true,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prices_pkey PRIMARY KEY (id),
  CONSTRAINT prices_stripe_price_id_key UNIQUE (stripe_price_id),
  CONSTRAINT prices_product_id_fkey
    FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE,
  CONSTRAINT prices_billing_interval_check
    CHECK ((type = 'recurring') = (billing_interval IS NOT NULL)),
  CONSTRAINT prices_interval_count_check CHECK (interval_count > 0),
  CONSTRAINT prices_unit_amount_cents_check CHECK (unit_amount_cents >= 0),
  CONSTRAINT prices_currency_check CHECK (currency ~ '^[a-z]{3}$')
);

CREATE INDEX idx_prices_product_id ON prices (product_id);

CREATE TRIGGER set_prices_updated_at
  BEFORE UPDATE ON prices
  FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- A webhook event that is here has been handled: deliveries are at least once.
CREATE TABLE processed_events (
  event_id text NOT NULL,
  event_type text NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT processed_events_pkey PRIMARY KEY (event_id)
);

CREATE INDEX idx_processed_events_processed_at ON processed_events (processed_at);

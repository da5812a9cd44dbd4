/** The shape of the e-commerce schema, and rows about as wide as there. */
export const shopOf = (rows: number): string[] => [
  'CREATE TABLE organizations (id uuid PRIMARY KEY DEFAULT gen_random_uuid())',
  'INSERT INTO organizations SELECT FROM generate_series(1, 500)',
  `CREATE TABLE content (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), organization_id uuid NOT NULL REFERENCES organizations, title text NOT NULL)`,
  `INSERT INTO content (organization_id, title) SELECT o.id, 'Lesson ' || n
     FROM generate_series(1, 200) n, organizations o`,
  `CREATE TABLE purchases (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     customer_id text NOT NULL, content_id uuid NOT NULL REFERENCES content, status varchar(20) NOT NULL,
     amount_paid_cents integer NOT NULL, stripe_payment_intent_id varchar(255) NOT NULL,
     created_at timestamptz NOT NULL DEFAULT now())`,
  `INSERT INTO purchases (customer_id, content_id, status, amount_paid_cents, stripe_payment_intent_id)
     SELECT 'user_' || n % 50000, c.ids[1 + (random() * (cardinality(c.ids) - 1))::int], 'completed', 1500, 'pi_' || gen_random_uuid()
       FROM generate_series(1, ${rows}) n, (SELECT array_agg(id) AS ids FROM content) c`,
  'CREATE INDEX idx_purchases_customer_id ON purchases (customer_id)',
  'CREATE INDEX idx_purchases_content_id ON purchases (content_id)',
  'ALTER TABLE purchases ADD COLUMN organization_id uuid',
  'VACUUM ANALYZE',
];

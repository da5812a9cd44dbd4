/** Damage that a check reports, and how to undo it, on the bundled schema. */
export interface CheckExample {
  breaks: string;
  mends: string;
  /** The code of the finding. */
  finding: string;
}

/** By the name of the check; every check has at least one. */
export const checkExamples: Readonly<Record<string, readonly CheckExample[]>> = {
  'schema-objects': [
    {
      breaks: 'ALTER TABLE purchases DROP CONSTRAINT check_amount_positive',
      mends:
        'ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents >= 0)',
      finding: 'missing-constraint',
    },
    {
      breaks: `ALTER TABLE purchases DROP CONSTRAINT check_amount_positive;
        ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents > 0)`,
      mends: `ALTER TABLE purchases DROP CONSTRAINT check_amount_positive;
        ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents >= 0)`,
      finding: 'different-constraint',
    },
    {
      breaks:
        'ALTER TABLE purchases ADD CONSTRAINT purchases_big CHECK (amount_paid_cents < 1000000)',
      mends: 'ALTER TABLE purchases DROP CONSTRAINT purchases_big',
      finding: 'extra-constraint',
    },
    {
      breaks: 'DROP INDEX idx_purchases_created_at',
      mends: 'CREATE INDEX idx_purchases_created_at ON purchases (created_at)',
      finding: 'missing-index',
    },
    {
      breaks:
        'DROP INDEX idx_purchases_created_at; CREATE INDEX idx_purchases_created_at ON purchases (created_at DESC)',
      mends:
        'DROP INDEX idx_purchases_created_at; CREATE INDEX idx_purchases_created_at ON purchases (created_at)',
      finding: 'different-index',
    },
    {
      breaks: 'CREATE INDEX purchases_by_status ON purchases (status)',
      mends: 'DROP INDEX purchases_by_status',
      finding: 'extra-index',
    },
    {
      breaks: 'ALTER TABLE posts RENAME TO old_posts',
      mends: 'ALTER TABLE old_posts RENAME TO posts',
      finding: 'missing-table',
    },
    {
      breaks: 'CREATE TABLE by_hand (id int)',
      mends: 'DROP TABLE by_hand',
      finding: 'extra-table',
    },
  ],
  'invalid-index': [
    {
      breaks: `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_purchases_created_at'::regclass`,
      mends: `UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'idx_purchases_created_at'::regclass`,
      finding: 'invalid-index',
    },
  ],
  'constraint-not-validated': [
    {
      breaks:
        'ALTER TABLE purchases DROP CONSTRAINT check_amount_positive; ALTER TABLE purchases ADD CONSTRAINT check_amount_positive CHECK (amount_paid_cents >= 0) NOT VALID',
      mends: 'ALTER TABLE purchases VALIDATE CONSTRAINT check_amount_positive',
      finding: 'constraint-not-validated',
    },
  ],
  'unpopulated-view': [
    {
      breaks: 'CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM users WITH NO DATA',
      mends: 'DROP MATERIALIZED VIEW totals',
      finding: 'unpopulated-view',
    },
  ],
  'users-columns': [
    {
      breaks:
        'ALTER TABLE users DROP COLUMN bio, DROP COLUMN display_name, DROP COLUMN personal_title',
      mends:
        'ALTER TABLE users ADD COLUMN bio text, ADD COLUMN display_name text, ADD COLUMN personal_title text',
      finding: 'users-columns',
    },
  ],
  'plan-features': [
    {
      breaks: `DELETE FROM plan_features WHERE plan = 'pro' AND feature_key = 'max_seats'`,
      mends: `INSERT INTO plan_features (plan, feature_key, limit_value) VALUES ('pro', 'max_seats', 5)`,
      finding: 'plan-features',
    },
  ],
  'personal-organization': [
    {
      breaks: `ALTER TABLE users DISABLE TRIGGER on_auth_user_created;
        INSERT INTO users (id, email) VALUES ('lonely', 'lonely@example.com');
        ALTER TABLE users ENABLE TRIGGER on_auth_user_created`,
      mends: `DELETE FROM users WHERE id = 'lonely'`,
      finding: 'personal-organization',
    },
  ],
};

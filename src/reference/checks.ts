import type { Declarations } from '../declarations.ts';

const since = '0006_users_billing_usage';

/**
 * The data checks of the bundled application, in the order in which findings are shown. They name schemas and
 * operators, because the path of the role is none of theirs.
 */
export const checks: NonNullable<Declarations['checks']> = {
  'users-columns': {
    severity: 'error',
    summary: 'users has at least 41 columns.',
    since: '0009_credit_ledger',
    key: ['object'],
    help: 'Compare \\d users in psql with migrations/0006_users_billing_usage.up.sql',
    sql: `SELECT pg_catalog.format('users has %s columns, expected at least 41.', pg_catalog.count(*)) AS message,
       'public.users' AS object
  FROM pg_catalog.pg_attribute
 WHERE attrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass('public.users')
   AND attnum OPERATOR(pg_catalog.>) 0 AND NOT attisdropped
HAVING pg_catalog.count(*) OPERATOR(pg_catalog.<) 41`,
  },
  'plan-features': {
    severity: 'error',
    summary: 'plan_features has all 36 rows: 9 features of each of the 4 plans.',
    since,
    key: ['plan', 'feature_key'],
    // Not a seed: it would also reset the rows that somebody has changed on purpose.
    sql: `WITH expected AS (
  SELECT plan, feature_key, limit_value, NULL::text AS flags
    FROM (VALUES
      ('max_records', ARRAY[100, 10000, 100000, -1]),
      ('max_api_calls_per_month', ARRAY[1000, 100000, 1000000, -1]),
      ('max_automations', ARRAY[3, 50, 500, -1]),
      ('max_storage_gb', ARRAY[1, 50, 500, -1]),
      ('max_mau', ARRAY[100, 5000, 50000, -1]),
      ('max_schedules', ARRAY[5, 100, 1000, -1]),
      ('max_ai_tokens_per_month', ARRAY[10000, 1000000, 10000000, -1]),
      ('max_seats', ARRAY[1, 5, 50, -1])) AS feature (feature_key, limits),
    ROWS FROM (
      pg_catalog.unnest(ARRAY['free', 'pro', 'business', 'enterprise']),
      pg_catalog.unnest(feature.limits)) AS of_plan (plan, limit_value)
  UNION ALL
  SELECT plan, 'features', -1, flags
    FROM (VALUES
      ('free', '{"sso": false, "api_access": false, "basic_features": true, "custom_branding": false, "custom_contracts": false, "priority_support": false, "dedicated_support": false, "advanced_analytics": false}'),
      ('pro', '{"sso": false, "api_access": true, "basic_features": true, "custom_branding": false, "custom_contracts": false, "priority_support": false, "dedicated_support": false, "advanced_analytics": true}'),
      ('business', '{"sso": true, "api_access": true, "basic_features": true, "custom_branding": true, "custom_contracts": false, "priority_support": true, "dedicated_support": false, "advanced_analytics": true}'),
      ('enterprise', '{"sso": true, "api_access": true, "basic_features": true, "custom_branding": true, "custom_contracts": true, "priority_support": true, "dedicated_support": true, "advanced_analytics": true}')) AS flagged (plan, flags)
), missing AS (
  SELECT plan, feature_key FROM expected
  EXCEPT SELECT plan::text, feature_key::text FROM public.plan_features
)
SELECT plan, feature_key, 'public.plan_features' AS object,
       pg_catalog.format('plan_features has no row %s %s. A feature without a row is denied to everyone.', plan, feature_key) AS message,
       pg_catalog.format('Insert it: INSERT INTO public.plan_features (plan, feature_key, limit_value, flags) VALUES (%L, %L, %s, %L);',
         plan, feature_key, limit_value, flags) AS help
  FROM expected JOIN missing USING (plan, feature_key)
 ORDER BY plan, feature_key`,
  },
  'personal-organization': {
    severity: 'error',
    summary: 'Every user owns a personal organization.',
    since,
    key: ['user'],
    sql: `SELECT u.id AS "user", 'public.organizations' AS object,
       pg_catalog.format('User %s has no personal organization.', u.id) AS message,
       pg_catalog.format('Create it: SELECT public.ensure_personal_organization(%L);', u.id) AS help
  FROM public.users u
 WHERE NOT EXISTS (SELECT FROM public.organizations o
                    WHERE o.owner_id OPERATOR(pg_catalog.=) u.id AND o.is_personal)
 ORDER BY u.id`,
  },
};

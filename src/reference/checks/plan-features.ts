import type { Check } from '../../verify/definition.ts';

const expected = 36; // 4 plans × 9 feature keys

export const planFeatures: Check = {
  name: 'plan-features',
  group: 'data',
  summary: `plan_features holds all ${expected} rows: 9 features of each of the 4 plans.`,
  since: '0006_users_billing_usage',
  async run({ session }) {
    const [row] = await session.query<{ rows: number }>(
      'SELECT count(*)::int AS rows FROM public.plan_features',
    );
    const rows = row?.rows ?? 0;
    if (rows === expected) return [];
    return [
      {
        code: 'plan-features',
        severity: 'error',
        message: `plan_features has ${rows} rows instead of ${expected}: a feature without a row is refused to everybody.`,
        help: 'Insert what is missing: dbops seed --only plan-features',
        where: { object: 'public.plan_features', migration: '0006_users_billing_usage' },
        key: 'plan-features',
      },
    ];
  },
  examples: [
    {
      breaks: `CREATE TABLE dbops_kept AS SELECT * FROM plan_features WHERE plan = 'pro' AND feature_key = 'max_seats';
        DELETE FROM plan_features WHERE plan = 'pro' AND feature_key = 'max_seats'`,
      mends: 'INSERT INTO plan_features SELECT * FROM dbops_kept; DROP TABLE dbops_kept',
      finding: 'plan-features',
    },
  ],
};

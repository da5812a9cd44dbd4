import { formatCount } from '../../output/number.ts';
import type { Check } from '../../verify/definition.ts';

const expected = 36; // 4 plans × 9 feature keys

export const planFeatures: Check = {
  name: 'plan-features',
  group: 'data',
  summary: `plan_features has all ${expected} rows: 9 features of each of the 4 plans.`,
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
        message: `plan_features has ${formatCount(rows)} rows, expected ${expected}; a feature without a row is denied to everyone.`,
        help: 'Insert the missing rows: dbops seed --only plan-features',
        where: { object: 'public.plan_features', migration: '0006_users_billing_usage' },
        key: 'plan-features',
      },
    ];
  },
};

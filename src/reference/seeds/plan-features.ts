import type { Seeds } from '../../seed/definition.ts';

/** The columns of `limits` are in this order. */
const plans = ['free', 'pro', 'business', 'enterprise'] as const;

/** By plan; -1 is unlimited. */
const limits = {
  max_records: [100, 10_000, 100_000, -1],
  max_api_calls_per_month: [1_000, 100_000, 1_000_000, -1],
  max_automations: [3, 50, 500, -1],
  max_storage_gb: [1, 50, 500, -1],
  max_mau: [100, 5_000, 50_000, -1],
  max_schedules: [5, 100, 1_000, -1],
  max_ai_tokens_per_month: [10_000, 1_000_000, 10_000_000, -1],
  max_seats: [1, 5, 50, -1],
} as const;

/** The index in `plans` of the first plan that has the flag. */
const flagsFrom = {
  basic_features: 0,
  api_access: 1,
  advanced_analytics: 1,
  sso: 2,
  custom_branding: 2,
  priority_support: 2,
  dedicated_support: 3,
  custom_contracts: 3,
} as const;

interface PlanFeature {
  /** Its plan and the key of its feature. */
  name: string;
  values: Record<string, string | number | null | Record<string, boolean>>;
}

/** The rows that migration 0006 inserts. */
const planFeatureRows: readonly PlanFeature[] = plans.flatMap((plan, place) => [
  ...Object.entries(limits).map(([key, values]) => feature(plan, key, values[place] ?? -1, null)),
  feature(plan, 'features', -1, flagsAt(place)),
]);

/** Limits and flags of the four plans: the rows that migration 0006 inserts. */
export const planFeatures: Seeds = {
  'plan-features': {
    summary: 'the limits of the four plans',
    table: 'plan_features',
    key: ['plan', 'feature_key'],
    rows: planFeatureRows.map(({ values }) => values),
  },
};

function feature(
  plan: string,
  key: string,
  limit: number,
  flags: Record<string, boolean> | null,
): PlanFeature {
  return {
    name: `${plan} ${key}`,
    values: { plan, feature_key: key, limit_value: limit, flags },
  };
}

function flagsAt(place: number): Record<string, boolean> {
  return Object.fromEntries(Object.entries(flagsFrom).map(([flag, from]) => [flag, place >= from]));
}

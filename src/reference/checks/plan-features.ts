import { quoteIdentifier, quoteLiteral } from '../../db/quote.ts';
import { formatCount } from '../../output/number.ts';
import type { Check } from '../../verify/definition.ts';
import { planFeatureRows } from '../seeds/plan-features.ts';

const expected = planFeatureRows.length;

/** Rows that the message names. */
const mostNamed = 5;

export const planFeatures: Check = {
  name: 'plan-features',
  group: 'data',
  summary: `plan_features has all ${expected} rows: 9 features of each of the 4 plans.`,
  since: '0006_users_billing_usage',
  async run({ session }) {
    const rows = await session.query<{ name: string }>(
      "SELECT concat(plan, ' ', feature_key) AS name FROM public.plan_features",
    );
    const found = new Set(rows.map(({ name }) => name));
    const missing = planFeatureRows.filter(({ name }) => !found.has(name));
    if (missing.length === 0) return [];
    const names = missing.slice(0, mostNamed).map(({ name }) => name);
    const more = missing.length > mostNamed ? ', …' : '';
    return [
      {
        code: 'plan-features',
        severity: 'error',
        message: `plan_features lacks ${formatCount(missing.length)} of ${expected} rows: ${names.join(', ')}${more}. A feature without a row is denied to everyone.`,
        help: `Insert only what is missing: ${insertOf(missing)}`,
        where: { object: 'public.plan_features', migration: '0006_users_billing_usage' },
        key: 'plan-features',
      },
    ];
  },
};

/** Not a seed: it would also reset the rows that somebody has changed on purpose. */
function insertOf(missing: typeof planFeatureRows): string {
  const columns = Object.keys(missing[0]?.values ?? {}).map(quoteIdentifier);
  const rows = missing.map(({ values }) => `(${Object.values(values).map(literal).join(', ')})`);
  return `INSERT INTO public.plan_features (${columns.join(', ')}) VALUES ${rows.join(', ')};`;
}

function literal(value: (typeof planFeatureRows)[number]['values'][string]): string {
  if (value === null || typeof value === 'number') return String(value);
  return quoteLiteral(typeof value === 'string' ? value : JSON.stringify(value));
}

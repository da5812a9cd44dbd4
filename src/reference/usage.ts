import { quoteLiteral } from '../db/quote.ts';
import type { Usage } from '../reports/usage/definition.ts';

// Declared SQL runs under the path of the role, so operators name their schema here.
const equals = 'OPERATOR(pg_catalog.=)';
const events = 'public.usage_events';

type Meter = Usage['meters'][string];

/** A level: the rows of a table now. */
function level(label: string, table: string, definition: string): Meter {
  return {
    label,
    definition,
    from: `public.${table}`,
    subject: 'organization_id',
    measure: 'count',
  };
}

/** Events of one type in the period. */
function ofEvents(
  type: string,
  meter: Pick<Meter, 'label' | 'definition' | 'measure' | 'uncounted'>,
): Meter {
  return {
    ...meter,
    from: events,
    subject: 'organization_id',
    at: 'occurred_at',
    where: `event_type ${equals} '${type}'`,
  };
}

/** How each limited feature is measured. */
const meters: Usage['meters'] = {
  max_records: level('records', 'records', 'rows in records now'),
  max_api_calls_per_month: ofEvents('api_call', {
    label: 'API calls',
    definition: 'sum of api_call quantities in the period',
    measure: { sum: 'quantity' },
  }),
  max_automations: ofEvents('automation_run', {
    label: 'automations',
    definition: 'distinct automation_id of automation_run events, not runs',
    measure: { unique: "metadata OPERATOR(pg_catalog.->>) 'automation_id'" },
    uncounted: 'automation_run events without an automation_id in metadata',
  }),
  max_storage_gb: ofEvents('storage_used', {
    label: 'storage GB',
    definition: 'last storage_used before the end of the period, in GB (10^9 bytes)',
    measure: { latest: 'quantity' },
  }),
  max_mau: ofEvents('user_active', {
    label: 'MAU',
    definition: 'distinct users of user_active events in the period',
    measure: { unique: 'user_id' },
    uncounted: 'user_active events without a user',
  }),
  max_schedules: level('schedules', 'schedules', 'rows in schedules now, including paused ones'),
  max_ai_tokens_per_month: ofEvents('ai_tokens_used', {
    label: 'AI tokens',
    definition: 'sum of ai_tokens_used quantities in the period',
    measure: { sum: 'quantity' },
  }),
  max_seats: level(
    'seats',
    'organization_members',
    'members now in any role, excluding open invites',
  ),
};

/**
 * Returns the usage of every organization. Its plan is that of the subscription whose status comes first in
 * `planStatuses`, else `free`; with `active` alone it is that of check_feature_access().
 */
export function usageOf(planStatuses: readonly string[]): Usage {
  const statuses = `ARRAY[${planStatuses.map(quoteLiteral).join(', ')}]::pg_catalog.text[]`;
  const status = 'status::pg_catalog.text';
  return {
    subjects: {
      from: `public.organizations o LEFT JOIN LATERAL (
        SELECT plan FROM public.org_subscriptions
         WHERE organization_id ${equals} o.id AND ${status} ${equals} ANY (${statuses})
         ORDER BY pg_catalog.array_position(${statuses}, ${status}), id LIMIT 1) s ON true`,
      id: 'o.id',
      name: 'o.name',
      slug: 'o.slug',
      plan: "COALESCE(s.plan, 'free')",
    },
    limits: {
      from: 'public.plan_features',
      plan: 'plan',
      meter: 'feature_key',
      value: 'limit_value',
      unlimited: -1,
    },
    warnAt: 0.8,
    meters,
  };
}

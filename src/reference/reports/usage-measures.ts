import { sql, type Kysely } from 'kysely';
import type { DB } from '../schema.ts';

/** The events that are counted: those in `[from, until)`, of one organization where it is given. */
export interface UsageWindow {
  from: Date;
  until: Date;
  organizationId?: string | undefined;
}

/** The usage of one feature by one organization. */
export interface Measured {
  organizationId: string;
  /** PostgreSQL returns a sum of bigints as numeric, which arrives as text. */
  used: bigint | string;
  /** Events without a user or id; `used` does not include them. */
  unnamed?: bigint;
}

export interface Measure {
  /** Short enough for a table of 80 columns. */
  label: string;
  definition: string;
  /** Describes the events that `unnamed` counts. */
  unnamed?: string;
  /** Returns at most one row per organization; none where nothing was used. */
  read(db: Kysely<DB>, window: UsageWindow): Promise<Measured[]>;
}

/** How each limited feature is measured. A gauge is a level and is never summed. */
export const measures = {
  max_records: gauge('records', 'records', 'rows in records now'),
  max_api_calls_per_month: sum('API calls', 'api_call', 'sum of api_call quantities in the period'),
  max_automations: {
    label: 'automations',
    definition: 'distinct automation_id of automation_run events, not runs',
    unnamed: 'automation_run events without an automation_id in metadata',
    read: (db, window) =>
      distinct(db, window, 'automation_run', sql<string | null>`metadata ->> 'automation_id'`),
  },
  max_storage_gb: {
    label: 'storage GB',
    definition: 'last storage_used before the end of the period, in GB (10^9 bytes)',
    read: lastStorage,
  },
  max_mau: {
    label: 'MAU',
    definition: 'distinct users of user_active events in the period',
    unnamed: 'user_active events without a user',
    read: (db, window) => distinct(db, window, 'user_active', sql<string | null>`user_id`),
  },
  max_schedules: gauge('schedules', 'schedules', 'rows in schedules now, including paused ones'),
  max_ai_tokens_per_month: sum(
    'AI tokens',
    'ai_tokens_used',
    'sum of ai_tokens_used quantities in the period',
  ),
  max_seats: gauge(
    'seats',
    'organization_members',
    'members now in any role, excluding open invites',
  ),
} satisfies Record<string, Measure>;

export type Feature = keyof typeof measures;

/** The features, in display order. */
export const features = Object.keys(measures) as [Feature, ...Feature[]];

type Counted = 'records' | 'schedules' | 'organization_members';

function gauge(label: string, table: Counted, definition: string): Measure {
  return {
    label,
    definition,
    read: (db, { organizationId }) =>
      db
        .selectFrom(table)
        .select(({ fn }) => ['organization_id as organizationId', fn.countAll<bigint>().as('used')])
        .$if(organizationId !== undefined, (query) =>
          query.where('organization_id', '=', organizationId ?? ''),
        )
        .groupBy('organization_id')
        .execute(),
  };
}

function sum(label: string, eventType: string, definition: string): Measure {
  return {
    label,
    definition,
    read: (db, window) =>
      eventsIn(db, window, eventType)
        .select(({ fn }) => [
          'organization_id as organizationId',
          fn.sum<string>('quantity').as('used'),
        ])
        .groupBy('organization_id')
        .execute(),
  };
}

/** count(DISTINCT) ignores NULL, so events without a value are counted separately. */
function distinct(
  db: Kysely<DB>,
  window: UsageWindow,
  eventType: string,
  name: ReturnType<typeof sql<string | null>>,
): Promise<Measured[]> {
  return eventsIn(db, window, eventType)
    .select(({ fn }) => [
      'organization_id as organizationId',
      fn.count<bigint>(name).distinct().as('used'),
      fn.countAll<bigint>().filterWhere(name, 'is', null).as('unnamed'),
    ])
    .groupBy('organization_id')
    .execute();
}

/** Reads the index once per organization, however many events it has. */
function lastStorage(db: Kysely<DB>, { until, organizationId }: UsageWindow): Promise<Measured[]> {
  return db
    .selectFrom('organizations')
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('usage_events')
          .select('quantity')
          .whereRef('usage_events.organization_id', '=', 'organizations.id')
          .where('event_type', '=', 'storage_used')
          .where('occurred_at', '<', until)
          .orderBy('occurred_at', 'desc')
          .orderBy('usage_events.id', 'desc')
          .limit(1)
          .as('last'),
      (join) => join.onTrue(),
    )
    .select(['organizations.id as organizationId', 'last.quantity as used'])
    .$if(organizationId !== undefined, (query) =>
      query.where('organizations.id', '=', organizationId ?? ''),
    )
    .execute();
}

function eventsIn(db: Kysely<DB>, { from, until, organizationId }: UsageWindow, eventType: string) {
  return db
    .selectFrom('usage_events')
    .where('event_type', '=', eventType)
    .where('occurred_at', '>=', from)
    .where('occurred_at', '<', until)
    .$if(organizationId !== undefined, (query) =>
      query.where('organization_id', '=', organizationId ?? ''),
    );
}

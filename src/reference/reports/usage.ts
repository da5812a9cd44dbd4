import { sql, type Kysely } from 'kysely';
import type { DB } from '../schema.ts';
import { exitCodes, usageError } from '../../errors.ts';
import { text } from '../../report.ts';
import { describePeriod, monthAround, type Period } from '../../reports/period.ts';
import {
  defineReport,
  type Figures,
  type ReportDefinition,
  type UsageRequest,
} from '../../reports/definition.ts';
import {
  columns,
  describeTotals,
  legendOf,
  linesOf,
  notesOf,
  totalsOf,
  type UsageFacts,
} from './usage-lines.ts';
import { features, measures, type Feature } from './usage-measures.ts';

/** The usage of every organization and feature against the limit of its plan. */
export const usage: ReportDefinition<UsageRequest> = defineReport({
  name: 'usage',
  schema: 'public',
  tables: [
    'organizations',
    'org_subscriptions',
    'plan_features',
    'usage_events',
    'records',
    'schedules',
    'organization_members',
  ],
  validate: (request) => void featuresOf(request),
  read: readUsage,
  present: presentUsage,
});

/** Reads each measure formatCount by organization: joining the events would multiply rows. */
async function readUsage(db: Kysely<DB>, request: UsageRequest): Promise<UsageFacts> {
  const { organization, asOf } = request;
  const organizations = await readOrganizations(db, request);
  const { from, to } = periodOf(request);
  const window = {
    from,
    until: asOf < to ? asOf : to,
    organizationId: organization === undefined ? undefined : organizations[0]?.id,
  };
  const measured: UsageFacts['measured'] = new Map();
  for (const feature of featuresOf(request))
    measured.set(feature, await measures[feature].read(db, window));
  return { organizations, limits: await readLimits(db), measured };
}

/**
 * The plan is that of the subscription whose status comes first in `planStatuses`, else `free`. With
 * `active` alone it is that of check_feature_access().
 */
async function readOrganizations(
  db: Kysely<DB>,
  { organization: slugOrId, planStatuses = ['active'] }: UsageRequest,
): Promise<UsageFacts['organizations']> {
  const rows = await db
    .selectFrom('organizations as o')
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('org_subscriptions')
          .select('plan')
          .whereRef('organization_id', '=', 'o.id')
          .where(({ cast }) => sql<boolean>`${cast('status', 'text')} = ANY (${planStatuses})`)
          .orderBy(
            ({ cast }) => sql`array_position(${planStatuses}::text[], ${cast('status', 'text')})`,
          )
          .orderBy('id')
          .limit(1)
          .as('s'),
      (join) => join.onTrue(),
    )
    .select(({ fn, val }) => [
      'o.id',
      'o.name',
      'o.slug',
      fn.coalesce('s.plan', val('free')).as('plan'),
    ])
    .$if(slugOrId !== undefined, (query) =>
      query.where(({ eb, or, cast }) =>
        or([eb('o.slug', '=', slugOrId ?? ''), eb(cast('o.id', 'text'), '=', slugOrId ?? '')]),
      ),
    )
    .orderBy('o.name', (order) => order.collate('C'))
    .orderBy('o.id')
    .execute();
  if (slugOrId === undefined || rows.length > 0) return rows;
  throw usageError(
    'REPORT.ORGANIZATION',
    `No organization has the slug or id ${slugOrId}.`,
    'List every organization: dbops report usage',
  );
}

function readLimits(db: Kysely<DB>): Promise<UsageFacts['limits']> {
  return db.selectFrom('plan_features').select(['plan', 'feature_key', 'limit_value']).execute();
}

function presentUsage(facts: UsageFacts, request: UsageRequest): Figures {
  const rows = linesOf(facts);
  const totals = totalsOf(facts, rows);
  const over = totals.over > 0;
  const title = 'Usage and limits';
  const period = periodOf(request);
  const { failOn = [] } = request;
  return {
    title,
    heading: `${title}, ${describePeriod(period)}`,
    period,
    columns,
    rows,
    totals,
    legend: legendOf(facts),
    notes: [...todayNotes(request, period), ...notesOf(facts, rows)],
    summary: [text(describeTotals(totals), over ? 'bad' : undefined)],
    exitCode: failOn.some((state) => totals[state] > 0) ? exitCodes.findings : exitCodes.done,
  };
}

/** Plans, limits and levels are not recorded over time. */
function todayNotes({ asOf, now = asOf }: UsageRequest, { from, to }: Period): string[] {
  if (now >= from && now < to) return [];
  return [
    'plans, limits and levels (records, schedules, seats) are those of today, not of the period',
  ];
}

function periodOf({ period, asOf }: UsageRequest): Period {
  return period ?? monthAround(asOf);
}

/** Returns the features to show. @throws usage error for an unknown one */
function featuresOf({ feature }: UsageRequest): Feature[] {
  if (feature === undefined) return features;
  const found = features.find((each) => each === feature);
  if (found) return [found];
  throw usageError('USAGE', 'Invalid options.', 'See: dbops report usage --help', [
    `--feature: expected one of ${features.join(', ')}`,
  ]);
}

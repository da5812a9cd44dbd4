import type { Kysely } from 'kysely';
import type { DB } from '../schema.ts';
import { exitCodes, usageError } from '../../errors.ts';
import { text } from '../../report.ts';
import { describePeriod, monthAround, type Period } from '../../reports/period.ts';
import type { Figures, ReportDefinition, ReportRequest } from '../../reports/definition.ts';
import { columns, inWords, linesOf, notesOf, totalsOf, type UsageFacts } from './usage-lines.ts';
import { features, measures, type Feature } from './usage-measures.ts';

export interface UsageRequest extends ReportRequest {
  /** Absent: the UTC month that holds `asOf`. */
  period?: Period | undefined;
  /** Slug or id. Absent: every organization. */
  organization?: string | undefined;
  /** Absent: every feature that has a measure. */
  feature?: Feature | undefined;
  /** Exit code 4 when a line is over its limit. */
  failOnOver?: boolean;
}

/** Organization × feature: used, limit and what that means. */
export const usage: ReportDefinition<UsageRequest, UsageFacts> = {
  name: 'usage',
  tables: [
    'organizations',
    'org_subscriptions',
    'plan_features',
    'usage_events',
    'records',
    'schedules',
    'organization_members',
  ],
  read: readUsage,
  present: presentUsage,
};

/** Each measure is grouped by organization before anything meets it: joined rows would multiply. */
async function readUsage(db: Kysely<DB>, request: UsageRequest): Promise<UsageFacts> {
  const { organization: wanted, asOf } = request;
  const organizations = await readOrganizations(db, wanted);
  const { from, to } = periodOf(request);
  const window = {
    from,
    until: asOf < to ? asOf : to,
    organizationId: wanted === undefined ? undefined : organizations[0]?.id,
  };
  const measured: UsageFacts['measured'] = new Map();
  for (const feature of shown(request))
    measured.set(feature, await measures[feature].read(db, window));
  return { organizations, limits: await readLimits(db), measured };
}

/** The plan is that of the active subscription, else free: as check_feature_access() has it. */
async function readOrganizations(
  db: Kysely<DB>,
  wanted: string | undefined,
): Promise<UsageFacts['organizations']> {
  const rows = await db
    .selectFrom('organizations as o')
    .leftJoin('org_subscriptions as s', (join) =>
      join.onRef('s.organization_id', '=', 'o.id').on('s.status', '=', 'active'),
    )
    .select(({ fn, val }) => [
      'o.id',
      'o.name',
      'o.slug',
      fn.coalesce('s.plan', val('free')).as('plan'),
    ])
    .$if(wanted !== undefined, (query) =>
      query.where(({ eb, or, cast }) =>
        or([eb('o.slug', '=', wanted ?? ''), eb(cast('o.id', 'text'), '=', wanted ?? '')]),
      ),
    )
    .orderBy('o.name', (order) => order.collate('C'))
    .orderBy('o.id')
    .execute();
  if (wanted === undefined || rows.length > 0) return rows;
  throw usageError(
    'REPORT.ORGANIZATION',
    `No organization has the slug or id ${wanted}.`,
    'See every organization with: dbops report usage',
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
  return {
    title,
    heading: `${title}, ${describePeriod(period)}`,
    period,
    columns,
    rows,
    totals,
    notes: notesOf(facts, rows),
    summary: [text(inWords(totals), over ? 'bad' : undefined)],
    exitCode: request.failOnOver && over ? exitCodes.findings : exitCodes.done,
  };
}

function periodOf({ period, asOf }: UsageRequest): Period {
  return period ?? monthAround(asOf);
}

function shown({ feature }: UsageRequest): Feature[] {
  return feature ? [feature] : features;
}

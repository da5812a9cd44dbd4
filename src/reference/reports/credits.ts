import type { Kysely } from 'kysely';
import type { DB } from '../schema.ts';
import { exitCodes, usageError } from '../../errors.ts';
import { text } from '../../report.ts';
import {
  columns,
  describeTotals,
  legend,
  linesOf,
  totalsOf,
  type CreditRow,
} from './credit-lines.ts';
import { monthAround } from '../../reports/period.ts';
import {
  defineReport,
  type CreditsRequest,
  type Figures,
  type ReportDefinition,
} from '../../reports/definition.ts';

/** The current credits of every user and credit type, with the next reset. */
export const credits: ReportDefinition<CreditsRequest> = defineReport({
  name: 'credits',
  schema: 'public',
  tables: ['users', 'credits'],
  read: readCredits,
  present: presentCredits,
});

async function readCredits(db: Kysely<DB>, { user }: CreditsRequest): Promise<CreditRow[]> {
  if (user !== undefined) await assertUser(db, user);
  return db
    .selectFrom('credits')
    .innerJoin('users', 'users.id', 'credits.user_id')
    .select([
      'users.email',
      'users.id as userId',
      'credits.credit_type as type',
      'credits.total_credits as granted',
      'credits.used_credits as used',
      'credits.monthly_allocation as allocation',
      'credits.reset_day_of_month as resetDay',
      'credits.billing_period_start as periodStart',
      'credits.billing_period_end as periodEnd',
    ])
    .where('credits.is_current', '=', true)
    .$if(user !== undefined, (query) =>
      query.where(({ eb, fn }) => eb(fn('lower', ['users.email']), '=', user?.toLowerCase() ?? '')),
    )
    .orderBy('users.email', (order) => order.collate('C'))
    .orderBy('credits.credit_type')
    .execute();
}

/** Prevents a mistyped address from looking like a user without credits. */
async function assertUser(db: Kysely<DB>, user: string): Promise<void> {
  const found = await db
    .selectFrom('users')
    .select('id')
    .where(({ eb, fn }) => eb(fn('lower', ['email']), '=', user.toLowerCase()))
    .executeTakeFirst();
  if (found) return;
  throw usageError(
    'REPORT.USER',
    `No user has the email address ${user}.`,
    'List every user with credits: dbops report credits',
  );
}

function presentCredits(creditRows: CreditRow[], { asOf, failOn = [] }: CreditsRequest): Figures {
  const rows = linesOf(creditRows, asOf);
  const totals = totalsOf(rows);
  return {
    title: 'Credits',
    heading: `Credits as of ${asOf.toISOString()}`,
    // Each row also has its own period; this is the month that the report describes.
    period: monthAround(asOf),
    columns,
    rows,
    totals,
    legend,
    notes: [],
    exitCode: failOn.some((state) => totals[state] > 0) ? exitCodes.findings : exitCodes.done,
    summary: [text(describeTotals(totals), totals.stale + totals.over > 0 ? 'warn' : undefined)],
  };
}

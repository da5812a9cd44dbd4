import type { Kysely } from 'kysely';
import type { DB } from '../schema.ts';
import { usageError } from '../../errors.ts';
import { text } from '../../report.ts';
import { columns, inWords, linesOf, notes, totalsOf, type CreditRow } from './credit-lines.ts';
import { monthAround } from '../../reports/period.ts';
import type { Figures, ReportDefinition, ReportRequest } from '../../reports/definition.ts';

export interface CreditsRequest extends ReportRequest {
  /** E-mail address, in any case. Absent: every user. */
  user?: string | undefined;
}

/** User × credit type: the current row, its next reset and whether it is stale. */
export const credits: ReportDefinition<CreditsRequest, CreditRow[]> = {
  name: 'credits',
  tables: ['users', 'credits'],
  read: readCredits,
  present: presentCredits,
};

async function readCredits(db: Kysely<DB>, { user }: CreditsRequest): Promise<CreditRow[]> {
  if (user !== undefined) await requireUser(db, user);
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

/** A mistyped address must not look like a user without credits. */
async function requireUser(db: Kysely<DB>, user: string): Promise<void> {
  const found = await db
    .selectFrom('users')
    .select('id')
    .where(({ eb, fn }) => eb(fn('lower', ['email']), '=', user.toLowerCase()))
    .executeTakeFirst();
  if (found) return;
  throw usageError(
    'REPORT.USER',
    `No user has the e-mail address ${user}.`,
    'See every user with credits: dbops report credits',
  );
}

function presentCredits(facts: CreditRow[], { asOf }: CreditsRequest): Figures {
  const rows = linesOf(facts, asOf);
  const totals = totalsOf(rows);
  return {
    title: 'Credits',
    heading: `Credits as of ${asOf.toISOString()}`,
    // Each row has a period of its own; this is the month that the report speaks of.
    period: monthAround(asOf),
    columns,
    rows,
    totals,
    notes,
    summary: [text(inWords(totals), totals.stale + totals.over > 0 ? 'warn' : undefined)],
  };
}

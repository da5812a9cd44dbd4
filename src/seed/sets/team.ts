import type { SeedSet } from '../set.ts';
import { content, contentAccess, purchases } from '../team/commerce.ts';
import { creditTransactions, workshops } from '../team/ledger.ts';
import {
  billingCustomers,
  organization,
  orgSubscriptions,
  personalOrganizations,
} from '../team/organization.ts';
import { members, people } from '../team/people.ts';
import { usageEvents } from '../team/usage.ts';
import { attachments, records, recordTypes, schedules } from '../team/workspace.ts';

/** An organization on the pro plan, with four of five seats, sales, usage and a credit ledger. */
export const team: SeedSet = {
  name: 'team',
  summary: 'the organization Acme Studio with members, sales, usage and a credit ledger',
  needs: ['users', 'plan-features'],
  tables: (months) => [
    people,
    personalOrganizations,
    organization,
    members,
    billingCustomers,
    orgSubscriptions(months),
    content,
    purchases(months),
    contentAccess,
    workshops(months),
    creditTransactions(months),
    recordTypes,
    records(months),
    attachments,
    schedules(months),
    usageEvents(months),
  ],
};

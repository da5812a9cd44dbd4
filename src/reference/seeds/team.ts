import type { SeedSet } from '../../seed/definition.ts';
import { content, contentAccess, purchases } from './team/commerce.ts';
import {
  billingCustomers,
  members,
  organization,
  orgSubscriptions,
  personalOrganizations,
} from './team/organization.ts';
import { usageEvents } from './team/usage.ts';
import { attachments, records, recordTypes, schedules } from './team/workspace.ts';

/** An organization on the pro plan: the pro user's, with the free user as a member. */
export const team: SeedSet = {
  name: 'team',
  summary: 'the organization Acme Studio with members, content, sales and usage',
  needs: ['users', 'plan-features'],
  tables: (months) => [
    personalOrganizations,
    organization,
    members,
    billingCustomers,
    orgSubscriptions(months),
    content,
    purchases(months),
    contentAccess,
    recordTypes,
    records(months),
    attachments,
    schedules(months),
    usageEvents(months),
  ],
};

import type { Seeds } from '../../seed/definition.ts';
import { content, contentAccess, purchases } from './team/commerce.ts';
import {
  billingCustomers,
  members,
  organization,
  orgSubscriptions,
  personalWorkspace,
} from './team/organization.ts';
import { usageEvents } from './team/usage.ts';
import { attachments, records, recordTypes, schedules } from './team/workspace.ts';

/** An organization on the pro plan: the pro user's, with the free user as a member. */
export const team: Seeds = {
  'personal-workspace': personalWorkspace,
  organization,
  members,
  'billing-customers': billingCustomers,
  'org-subscriptions': orgSubscriptions,
  content,
  purchases,
  access: contentAccess,
  'record-types': recordTypes,
  records,
  attachments,
  schedules,
  usage: usageEvents,
};

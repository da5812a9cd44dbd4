import type { Months } from '../../../seed/months.ts';
import { ref, type SeedTable } from '../../../seed/definition.ts';
import { free, pro } from '../users/people.ts';

export const acme = ref('organizations', 'acme-studio');
/** The personal organization that a trigger creates for the free user. */
export const freeWorkspace = ref('organizations', 'personal of free@example.com');

export const personalOrganizations: SeedTable = {
  table: 'organizations',
  key: ['owner_id', 'is_personal'],
  managed: [],
  createdByTrigger: true,
  rows: [{ name: freeWorkspace.name, values: { owner_id: free, is_personal: true } }],
};

export const organization: SeedTable = {
  table: 'organizations',
  key: ['slug'],
  managed: [],
  rows: [
    {
      name: acme.name,
      values: {
        slug: 'acme-studio-test',
        name: 'Acme Studio',
        owner_id: pro,
        org_type: 'business',
        description: 'A team that exercises the limits of the pro plan',
      },
    },
  ],
};

/** Two of the five seats of the plan. */
export const members: SeedTable = {
  table: 'organization_members',
  key: ['organization_id', 'user_id'],
  identity: 'key',
  managed: [],
  rows: [
    { name: 'owner', values: { organization_id: acme, user_id: pro, role: 'owner' } },
    { name: 'member', values: { organization_id: acme, user_id: free, role: 'member' } },
  ],
};

export const billingCustomers: SeedTable = {
  table: 'billing_customers',
  key: ['organization_id'],
  managed: [],
  rows: [{ name: 'acme', values: { organization_id: acme, stripe_customer_id: 'cus_test_acme' } }],
};

export function orgSubscriptions({ current }: Months): SeedTable {
  return {
    table: 'org_subscriptions',
    key: ['organization_id', 'status'],
    managed: ['plan', 'seats', 'stripe_price_id'],
    rows: [
      {
        name: 'acme',
        values: {
          organization_id: acme,
          plan: 'pro',
          seats: 5,
          status: 'active',
          stripe_subscription_id: 'sub_test_acme',
          stripe_price_id: 'price_test_pro',
          current_period_start: current.from,
          current_period_end: current.to,
          cancel_at_period_end: false,
        },
      },
    ],
  };
}

import type { Months } from '../months.ts';
import type { SeedTable } from '../set.ts';
import { acme, free, freeWorkspace, owner } from './people.ts';

export const personalOrganizations: SeedTable = {
  table: 'organizations',
  key: ['owner_id', 'is_personal'],
  managed: [],
  lookup: true,
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
        owner_id: owner,
        org_type: 'business',
        description: 'A team that exercises the limits of the pro plan',
      },
    },
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

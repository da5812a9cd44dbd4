import { ref } from '../../../declared/definition.ts';
import type { Seeds } from '../../../seed/definition.ts';
import { seedId } from '../ids.ts';
import { monthsAround } from '../months.ts';
import { free, pro } from '../users/people.ts';

export const acme = ref('organization', 'acme-studio-test');
/** The personal organization that a trigger creates for the free user. */
export const freeWorkspace = ref('personal-workspace', 'free@example.com');

export const personalWorkspace: Seeds[string] = {
  summary: 'the personal organization that sign-up creates',
  table: 'organizations',
  key: ['owner_id'],
  once: '*',
  createdByTrigger: true,
  rows: [{ owner_id: free }],
};

export const organization: Seeds[string] = {
  summary: 'Acme Studio, on the pro plan',
  table: 'organizations',
  key: ['slug'],
  once: '*',
  rows: [
    {
      id: seedId('organizations', 'acme-studio'),
      slug: 'acme-studio-test',
      name: 'Acme Studio',
      owner_id: pro,
      org_type: 'business',
      description: 'A team that exercises the limits of the pro plan',
    },
  ],
};

/** Two of the five seats of the plan. */
export const members: Seeds[string] = {
  table: 'organization_members',
  key: ['organization_id', 'user_id'],
  once: '*',
  rows: [
    { organization_id: acme, user_id: pro, role: 'owner' },
    { organization_id: acme, user_id: free, role: 'member' },
  ],
};

export const billingCustomers: Seeds[string] = {
  table: 'billing_customers',
  key: ['organization_id'],
  once: '*',
  rows: [
    {
      id: seedId('billing_customers', 'acme'),
      organization_id: acme,
      stripe_customer_id: 'cus_test_acme',
    },
  ],
};

export const orgSubscriptions: Seeds[string] = {
  table: 'org_subscriptions',
  key: ['organization_id'],
  once: [
    'status',
    'stripe_subscription_id',
    'current_period_start',
    'current_period_end',
    'cancel_at_period_end',
  ],
  rows: ({ now }) => {
    const { current } = monthsAround(now);
    return [
      {
        id: seedId('org_subscriptions', 'acme'),
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
    ];
  },
};

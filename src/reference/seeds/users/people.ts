import { ref, type SeedTable } from '../../../seed/definition.ts';

export const free = ref('users', 'free@example.com');
export const pro = ref('users', 'pro@example.com');

/** Nobody but these two: whatever else has a user has one of them. */
export const people: SeedTable = {
  table: 'users',
  key: ['email'],
  managed: ['plan_tier'],
  keptOnReset: ['credit_balance'],
  rows: [
    {
      name: free.name,
      values: {
        id: 'user_test_free',
        email: 'free@example.com',
        name: 'Free User',
        full_name: 'Free User',
        plan_tier: 'free',
        stripe_customer_id: null,
        credit_balance: 0,
      },
    },
    {
      name: pro.name,
      values: {
        id: 'user_test_pro',
        email: 'pro@example.com',
        name: 'Pro User',
        full_name: 'Pro User',
        plan_tier: 'pro',
        stripe_customer_id: 'cus_test_pro',
        // What the completed credit transactions add up to.
        credit_balance: 33,
      },
    },
  ],
};

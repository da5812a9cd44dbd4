import { ref, type SeedTable } from '../../../seed/definition.ts';

export const free = ref('users', 'free@example.com');
export const pro = ref('users', 'pro@example.com');

/** The two users that all other seeded rows refer to. */
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
        // The sum of the completed credit transactions.
        credit_balance: 33,
      },
    },
  ],
};

import { ref } from '../../../declared/definition.ts';
import type { Seeds } from '../../../seed/definition.ts';

export const free = ref('users', 'free@example.com');
export const pro = ref('users', 'pro@example.com');

/** The two users that all other seeded rows refer to. */
export const people: Seeds[string] = {
  summary: 'free@example.com and pro@example.com',
  table: 'users',
  key: ['email'],
  once: ['name', 'full_name', 'stripe_customer_id'],
  keep: ['credit_balance'],
  rows: [
    {
      id: 'user_test_free',
      email: 'free@example.com',
      name: 'Free User',
      full_name: 'Free User',
      plan_tier: 'free',
      stripe_customer_id: null,
      credit_balance: 0,
    },
    {
      id: 'user_test_pro',
      email: 'pro@example.com',
      name: 'Pro User',
      full_name: 'Pro User',
      plan_tier: 'pro',
      stripe_customer_id: 'cus_test_pro',
      // The sum of the completed credit transactions.
      credit_balance: 33,
    },
  ],
};

import type { Credits } from '../reports/credits/definition.ts';

/** Monthly credits by type, and the ledger of the credits that a user buys and spends. */
export const credits: Credits = {
  holders: { from: 'public.users', id: 'id', name: 'email' },
  balances: {
    from: 'public.credits',
    holder: 'user_id',
    kind: 'credit_type',
    granted: 'total_credits',
    used: 'used_credits',
    allocation: 'monthly_allocation',
    resetDay: 'reset_day_of_month',
    periodStart: 'billing_period_start',
    periodEnd: 'billing_period_end',
    where: 'is_current',
  },
  ledger: {
    from: 'public.credit_transactions',
    id: 'id',
    holder: 'user_id',
    at: 'created_at',
    amount: 'amount',
    settled: "status = 'completed'",
    equals: { table: 'public.users', column: 'credit_balance' },
  },
};

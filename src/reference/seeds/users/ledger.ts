import { ref, type SeedReference } from '../../../declared/definition.ts';
import type { DeclaredRow, Seeds } from '../../../seed/definition.ts';
import { seedId } from '../ids.ts';
import { at, monthsAround, type Months } from '../months.ts';
import { pro } from './people.ts';

const workshopId = (name: string) => seedId('workshops', name);

/** The pro user's workshops; each published one consumed a credit. */
export const workshops: Seeds[string] = {
  summary: 'workshops of the pro user',
  table: 'workshops',
  key: ['id'],
  once: '*',
  keep: ['credit_consumed_at'],
  withParents: true,
  rows: ({ now }) => {
    const { previous } = monthsAround(now);
    const row = (name: string, title: string, status: string, consumedAt: Date | null) => ({
      id: workshopId(name),
      owner_id: pro,
      title,
      status,
      credit_consumed_at: consumedAt,
    });
    return [
      row('basics', 'Prompting basics', 'published', at(previous, 0.3)),
      row('rollout', 'Rolling out to a team', 'published', at(previous, 0.5)),
      row('cancelled', 'Cancelled for lack of guests', 'cancelled', null),
      row('draft', 'A look back', 'draft', null),
    ];
  },
};

/**
 * Every type of transaction. The completed ones add up to the pro user's credit_balance. A ledger is
 * append-only, so inserted rows are never updated, and an account that existed before gets none.
 */
export const creditTransactions: Seeds[string] = {
  summary: 'the credit ledger of the pro user',
  table: 'credit_transactions',
  key: ['id'],
  keep: '*',
  withParents: true,
  rows: ({ now }) => movements(monthsAround(now)),
};

function movements({ previous, elapsed }: Months): DeclaredRow[] {
  return [
    transaction('purchase 1', at(previous, 0.1), {
      type: 'purchase',
      amount: 10,
      after: 10,
      session: 1,
    }),
    transaction('basics', at(previous, 0.3), { type: 'consumption', amount: -1, after: 9 }),
    transaction('rollout', at(previous, 0.5), { type: 'consumption', amount: -1, after: 8 }),
    transaction('cancelled', at(previous, 0.7), { type: 'consumption', amount: -1, after: 7 }),
    transaction('cancelled, refunded', at(elapsed, 0.2), { type: 'refund', amount: 1, after: 8 }),
    transaction('purchase 2', at(elapsed, 0.4), {
      type: 'purchase',
      amount: 25,
      after: 33,
      session: 2,
    }),
    transaction('declined', at(elapsed, 0.6), {
      type: 'purchase',
      amount: 50,
      status: 'failed',
      session: 3,
    }),
    transaction('open', at(elapsed, 0.9), {
      type: 'purchase',
      amount: 10,
      status: 'pending',
      session: 4,
    }),
  ];
}

interface Movement {
  type: 'purchase' | 'consumption' | 'refund';
  amount: number;
  status?: 'completed' | 'pending' | 'failed';
  /** The balance after it, if completed. */
  after?: number;
  /** Number of its checkout session. */
  session?: number;
}

const workshopOf: Record<string, SeedReference> = {
  basics: ref('workshops', workshopId('basics')),
  rollout: ref('workshops', workshopId('rollout')),
  cancelled: ref('workshops', workshopId('cancelled')),
  'cancelled, refunded': ref('workshops', workshopId('cancelled')),
};

function transaction(name: string, createdAt: Date, movement: Movement): DeclaredRow {
  const { type, amount, status = 'completed', after = null, session } = movement;
  return {
    id: seedId('credit_transactions', name),
    user_id: pro,
    type,
    status,
    amount,
    balance_after: after,
    stripe_session_id: session ? `cs_test_seed_${session}` : null,
    workshop_id: workshopOf[name] ?? null,
    description: `Seed: ${name}`,
    created_at: createdAt,
  };
}

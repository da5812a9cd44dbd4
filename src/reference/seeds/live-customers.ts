import { codeOf } from '../../db/connection-error.ts';
import type { Session } from '../../db/session.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { usageError } from '../../errors.ts';

/**
 * Rejects a database that holds a customer of a live Stripe account. The ids of the seeded customers
 * contain `_test_`.
 *
 * @throws usage error naming the customer
 */
export async function assertNoLiveCustomers(session: Session): Promise<void> {
  const sql = String.raw`SELECT stripe_customer_id AS id FROM public.billing_customers
    WHERE stripe_customer_id NOT LIKE '%\_test\_%' LIMIT 1`;
  const [live] = await session.query<{ id: string }>(sql).catch((error: unknown) => {
    if (codeOf(error) !== sqlstate.undefinedTable) throw error;
    return []; // a database without the table has no customers
  });
  if (!live) return;
  throw usageError(
    'SEED.LIVE_CUSTOMERS',
    `billing_customers contains ${live.id}, which may belong to a live Stripe account; nothing was seeded.`,
    'If this is not a production database, label it: dbops env set development',
  );
}

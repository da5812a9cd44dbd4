import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { describe, expect, it, vi } from 'vitest';
import { newest } from '../db/targets.ts';
import { byState, withClient } from '../migrate/project.ts';
import { withWorkedProject, type WorkedProject } from '../worked-projects/worked-project.ts';

/** Old purchases and grants: few by default, `DBOPS_ROWS=1000000` for the whole of it. */
const rows = Number(process.env['DBOPS_ROWS'] ?? 5_000);

vi.setConfig({ testTimeout: 120_000 + rows / 2 });

const oldSales = `
  INSERT INTO content (id, creator_id, organization_id, title, slug, price_cents, status)
    SELECT ('0c000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 'user_creator',
           ('0a000000-0000-4000-8000-00000000000' || 1 + n % 2)::uuid, 'Lesson ' || n, 'lesson-' || n, 1000, 'published'
      FROM generate_series(1, 500) n;
  INSERT INTO users (id, name, email) SELECT 'u' || n, 'U', n || '@example.com' FROM generate_series(1, ${rows / 500}) n;
  INSERT INTO purchases (customer_id, content_id, status, amount_paid_cents)
    SELECT 'u' || u, ('0c000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 'completed', 1000
      FROM generate_series(1, 500) n, generate_series(1, ${rows / 500}) u;
  INSERT INTO content_access (user_id, content_id, access_type) SELECT customer_id, content_id, 'purchased' FROM purchases WHERE customer_id ~ '^u[0-9]';
  ANALYZE`;

const payment = "purchases.stripe_payment_intent_id = 'legacy_' || purchases.id";

describe.each(newest)('document E on a shop with sales, on $name', (server) => {
  it('fails with Drizzle; split in two it succeeds under load without losing a row', () =>
    withWorkedProject(server, 'e-commerce', async (project) => {
      for (const folder of ['way-out', 'backfills'])
        rmSync(join(project.root, folder), { recursive: true });
      await project.dbops('migrate', 'up', '--to', '0005_bent_inhumans');
      await project.psql('before.sql');
      await project.query(oldSales);
      await expect(runDrizzle(project)).rejects.toThrow('Failed query');

      const file = 'drizzle/0006_cloudy_blizzard.sql';
      const unknown = await project.json('migrate', 'expand-contract', file);
      expect(unknown).toMatchObject({ exitCode: 2, error: { code: 'EXPAND.NO_VALUE' } });
      const cut = await project.json('migrate', 'expand-contract', file, '--set', payment);
      expect(cut).toMatchObject({
        exitCode: 0,
        backfills: ['organization-id', 'stripe-payment-intent-id'],
      });
      const shop = openShop(project);
      const up = await project.json('migrate', 'up', '--wait', '60s');
      const { errors, sold, longestLock } = await shop.close();
      expect({ error: up.error, ...byState(up) }).toEqual({
        error: undefined,
        done: ['0006_cloudy_blizzard', '0007_cloudy_blizzard_contract'],
      });
      expect(errors).toEqual([]);
      if (process.env['DBOPS_ROWS'])
        process.stderr.write(
          `ACCESS EXCLUSIVE was seen for ${longestLock.toFixed(0)} ms at the most\n`,
        );
      expect(await strayRows(project)).toEqual([]);
      const [total] = await project.query('SELECT count(*)::int AS n FROM purchases');
      expect(total).toEqual({ n: rows + 2 + sold });
      expect((await project.dbops('verify')).stdout).toContain('✓ No problems found');
      expect((await project.json('migrate', 'status', '--check')).exitCode).toBe(0);
      expect(await demands(project)).toEqual(endState);
      const left = await project.query("SELECT FROM pg_trigger WHERE tgname LIKE 'zz_dbops%'");
      expect(left).toEqual([]);
    }));
});

/** What drizzle-orm's own migrator makes of the folder. */
function runDrizzle({ root, url }: WorkedProject): Promise<void> {
  return withClient(url, (client) =>
    migrate(drizzle({ client }), { migrationsFolder: join(root, 'drizzle') }),
  );
}

/**
 * The application: it sells without the new columns, as long as it can, and with them from then on;
 * and somebody watches how long a table is shut.
 */
function openShop({ url }: WorkedProject) {
  const closed = new AbortController();
  const errors: unknown[] = [];
  let sold = 0;
  const work = withClient(url, async (client) => {
    const id = `('0c000000-0000-4000-9000-' || lpad((1 + (random() * 499)::int)::text, 12, '0'))::uuid`;
    while (!closed.signal.aborted) {
      await client
        .query(
          `INSERT INTO purchases (customer_id, content_id, status, amount_paid_cents) VALUES ('u1', ${id}, 'completed', 1)`,
        )
        .then(() => (sold += 1))
        .catch((error: unknown) => isEnforced(error) || errors.push(error));
      await client
        .query(
          `UPDATE purchases SET status = 'refunded' WHERE id = (SELECT id FROM purchases LIMIT 1 OFFSET ${Math.floor(Math.random() * 1_000)})`,
        )
        .catch((error: unknown) => errors.push(error));
      await sleep(5);
    }
  });
  const watch = withClient(url, (client) => watchLocks(client, closed.signal));
  return {
    async close() {
      closed.abort();
      await work;
      return { errors, sold, longestLock: await watch };
    },
  };
}

/** The column is demanded, and this application does not write it: that is what was asked for. */
function isEnforced(error: unknown): boolean {
  return (error as { code?: string }).code === '23502';
}

/** Milliseconds that one ACCESS EXCLUSIVE lock on a table of the shop was seen for, at the most. */
async function watchLocks(
  client: { query(sql: string): Promise<{ rows: { lock: string }[] }> },
  signal: AbortSignal,
): Promise<number> {
  const since = new Map<string, number>();
  let longest = 0;
  while (!signal.aborted) {
    const { rows: locks } = await client.query(
      `SELECT pid || ' ' || virtualtransaction || ' ' || relation AS lock FROM pg_locks
        WHERE mode = 'AccessExclusiveLock' AND granted AND locktype = 'relation'
          AND relation IN ('purchases'::regclass, 'content_access'::regclass, 'content'::regclass)`,
    );
    const now = performance.now();
    const seen = new Set(locks.map(({ lock }) => lock));
    for (const lock of since.keys()) if (!seen.has(lock)) since.delete(lock);
    for (const lock of seen) {
      const first = since.get(lock) ?? now;
      since.set(lock, first);
      longest = Math.max(longest, now - first);
    }
    await sleep(2);
  }
  return longest;
}

/** Sales that are of another organization than their content, or have no payment. */
function strayRows({ query }: WorkedProject) {
  return query(
    `SELECT sale.id FROM (SELECT id, content_id, organization_id FROM content_access
        UNION ALL SELECT id, content_id, organization_id FROM purchases) sale
      JOIN content ON content.id = content_id
      WHERE sale.organization_id IS DISTINCT FROM content.organization_id
     UNION ALL SELECT id FROM purchases WHERE stripe_payment_intent_id IS NULL`,
  );
}

/** What the document's last state demands of the rows. */
async function demands({ query }: WorkedProject): Promise<string[]> {
  const found = await query<{ name: string }>(
    `SELECT conname::text AS name FROM pg_constraint
      WHERE conrelid IN ('purchases'::regclass, 'content_access'::regclass) AND contype IN ('f', 'u', 'c') AND convalidated
     UNION ALL SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid
      WHERE indrelid IN ('purchases'::regclass, 'content_access'::regclass) AND indisvalid AND NOT indisunique
     UNION ALL SELECT attrelid::regclass || '.' || attname FROM pg_attribute
      WHERE attrelid IN ('purchases'::regclass, 'content_access'::regclass) AND attnotnull
        AND attname IN ('organization_id', 'stripe_payment_intent_id') ORDER BY 1`,
  );
  return found.map(({ name }) => name).toSorted();
}

const endState = [
  'check_access_type',
  'check_amount_positive',
  'check_purchase_status',
  'content_access.organization_id',
  'content_access_content_id_content_id_fk',
  'content_access_organization_id_organizations_id_fk',
  'content_access_user_content_unique',
  'content_access_user_id_users_id_fk',
  'idx_content_access_content_id',
  'idx_content_access_organization_id',
  'idx_content_access_user_id',
  'idx_purchases_content_id',
  'idx_purchases_created_at',
  'idx_purchases_customer_id',
  'idx_purchases_organization_id',
  'idx_purchases_stripe_payment_intent',
  'purchases.organization_id',
  'purchases.stripe_payment_intent_id',
  'purchases_content_id_content_id_fk',
  'purchases_customer_id_users_id_fk',
  'purchases_organization_id_organizations_id_fk',
  'purchases_stripe_payment_intent_id_unique',
];

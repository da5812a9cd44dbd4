import { describe, expect } from 'vitest';
import { inTurn, targets, withDatabase } from '../db/targets.ts';
import { dbops, migrated } from './database.ts';

describe.each(targets)('dbops seed on $name', (target) => {
  const it = inTurn(target);
  it('rejects a production or protected database, even with --confirm', () =>
    migrated(target, async (trial) => {
      await trial.dbops('env', 'set', 'production');
      expect(await trial.dbops('seed')).toMatchObject({ code: 2 });
      await trial.dbops('env', 'set', 'staging', '--protect', '--confirm', 'postgres');
      const name = trial.url.startsWith('pglite:')
        ? 'postgres'
        : new URL(trial.url).pathname.slice(1);
      expect(await trial.dbops('seed', '--confirm', name)).toMatchObject({ code: 2 });
      expect(await trial.query(`SELECT FROM users`)).toEqual([]);
    }));

  it('rejects live customers until the database has a label', () =>
    migrated(target, async (trial) => {
      await trial.script(`INSERT INTO users (id, email) VALUES ('u', 'u@example.com');
        INSERT INTO billing_customers (organization_id, stripe_customer_id)
          SELECT id, 'cus_Nx1' FROM organizations`);
      const live = await trial.dbops('seed');
      expect(live).toMatchObject({ code: 2, output: expect.stringContaining('cus_Nx1') });
      await trial.dbops('env', 'set', 'development');
      expect(await trial.dbops('seed')).toMatchObject({ code: 0 });
    }));

  it('rejects a database without migrations, and an unknown set', () =>
    withDatabase(target, async (url) => {
      const bare = await dbops(url, ['seed']);
      expect(bare).toMatchObject({ code: 2, output: expect.stringContaining('dbops migrate up') });
      expect(await dbops(url, ['seed', '--only', 'nothing'])).toMatchObject({ code: 2 });
    }));
});

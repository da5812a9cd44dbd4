import { describe, expect, it } from 'vitest';
import { openSession } from '../../src/db/session.ts';
import { servers, targets } from '../db/targets.ts';
import { dbops, migrated, seedAll, total } from './database.ts';

const ids = `SELECT string_agg(id::text, ',' ORDER BY id::text) AS ids FROM
  (SELECT id::text FROM credits UNION ALL SELECT id::text FROM credit_transactions UNION ALL SELECT id FROM users) x`;

describe.each(servers)('dbops seed on $name', (server) => {
  it('makes one set of rows when two run at once', () =>
    migrated(server, async (session, url) => {
      const second = await openSession(session.target, { application: 'second' });
      try {
        await second.script(`SET default_transaction_isolation = 'repeatable read'`);
        const both = await Promise.all([seedAll(session), seedAll(second)]);
        const created = both.map((counts) => total(counts.created)).toSorted((a, b) => a - b);
        expect(created[0]).toBe(0);
        expect(created[1]).toBeGreaterThan(300);
      } finally {
        await second.close();
      }
      expect(await dbops(url, 'seed', '--check')).toMatchObject({ code: 0 });
    }));

  it('takes less than a second', () =>
    migrated(server, async (_session, url) => {
      const started = performance.now();
      await dbops(url, 'seed');
      expect(performance.now() - started).toBeLessThan(1_000);
    }));
});

it('makes the same ids in every database', async () => {
  const found: unknown[] = [];
  for (const target of targets) {
    await migrated(target, async (session) => {
      await seedAll(session);
      found.push(...(await session.query(ids)));
    });
  }
  await migrated(targets[0] ?? expect.fail('no target'), async (session) => {
    await seedAll(session);
    found.push(...(await session.query(ids)));
  });
  expect(found.length).toBeGreaterThan(1);
  expect(new Set(found.map((row) => JSON.stringify(row))).size).toBe(1);
});

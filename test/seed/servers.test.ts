import { describe, expect, it, vi } from 'vitest';
import { openSession } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { servers, targets } from '../db/targets.ts';
import { migrated, seedAll, total } from './database.ts';

const ids = `SELECT string_agg(id::text, ',' ORDER BY id::text) AS ids FROM
  (SELECT id::text FROM credits UNION ALL SELECT id::text FROM credit_transactions UNION ALL SELECT id FROM users) x`;

describe.each(servers)('dbops seed on $name', (server) => {
  it('creates one set of rows when two run at once', () =>
    migrated(server, async (trial) => {
      const second = await openSession(parseTarget(trial.url), {
        application: 'second',
        path: 'DEFAULT',
      });
      try {
        // Whichever comes second must see what the first wrote while it waited.
        const isolation = `SET default_transaction_isolation = 'repeatable read'`;
        await Promise.all([trial.script(isolation), second.script(isolation)]);
        const both = await Promise.all([trial.seed(), seedAll(second)]);
        const created = both.map((counts) => total(counts.created)).toSorted((a, b) => a - b);
        expect(created[0]).toBe(0);
        expect(created[1]).toBeGreaterThan(300);
      } finally {
        await second.close();
      }
      expect(await trial.dbops('seed', '--check')).toMatchObject({ code: 0 });
    }));

  it('rolls back when it is interrupted between two tables', () =>
    migrated(server, async (trial) => {
      const session = await openSession(parseTarget(trial.url), {
        application: 'interrupted',
        path: 'DEFAULT',
      });
      const interrupt = new AbortController();
      const query: typeof session.query = (sql, values) => {
        if (sql.startsWith('INSERT INTO "public"."credits"')) interrupt.abort();
        return session.query(sql, values);
      };
      try {
        const seeding = seedAll({ ...session, query }, { signal: interrupt.signal });
        await expect(seeding).rejects.toMatchObject({ exitCode: 130 });
      } finally {
        await session.close();
      }
      expect(await trial.query('SELECT FROM users')).toEqual([]);
    }));

  it('asks a seeded database three times', () =>
    migrated(server, async (trial) => {
      const session = await openSession(parseTarget(trial.url), { application: 'counted' });
      try {
        await seedAll(session);
        const sent = vi.spyOn(session.client, 'query');
        await seedAll(session);
        // The names and tables, the rows, COMMIT.
        expect(sent).toHaveBeenCalledTimes(3);
      } finally {
        await session.close();
      }
    }));
});

it('creates the same ids in every database', async () => {
  const found: unknown[] = [];
  for (const target of [...targets, ...targets.slice(0, 1)]) {
    await migrated(target, async (trial) => {
      await trial.seed();
      found.push(...(await trial.query(ids)));
    });
  }
  expect(found.length).toBeGreaterThan(1);
  expect(new Set(found.map((row) => JSON.stringify(row))).size).toBe(1);
});

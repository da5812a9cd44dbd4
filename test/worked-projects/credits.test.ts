import { describe, expect } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { deploy } from '../interop/prisma-engine.ts';
import { byState, type Project } from '../migrate/project.ts';
import {
  everythingIn,
  expectWhole,
  withWorkedProject,
  type WorkedProject,
} from './worked-project.ts';

const enhanced = '20251106171518_add_enhanced_credits_user_fields';

describe.each(servers)('the credits project on $name', (server) => {
  const it = inTurn(server, servers);
  const withUsers = (test: (project: WorkedProject) => Promise<void>) =>
    withWorkedProject(server, 'credits', async (project) => {
      await project.dbops('migrate', 'up', '--to', '20251103110045_subscriptions_and_credits');
      await project.psql('before.sql');
      await test(project);
    });

  it('goes up whole on an empty database, to the figures of its document', () =>
    withWorkedProject(server, 'credits', async (project) => {
      await expectWhole(project, 'prisma', 4);
      expect(await deploy(project)).toEqual([]);
      expect(await columnCounts(project)).toEqual({
        credits: 13,
        subscriptions: 15,
        user_preferences: 9,
      });
    }));

  it('has the users of its document after dbops seed, once it has the indexes that dbops asks for', () =>
    withWorkedProject(server, 'credits', async (project) => {
      await project.json('migrate', 'up');
      const seed = (...words: string[]) =>
        project.json('seed', '--config', 'dbops.declared.json', ...words);
      for (const table of ['subscriptions', 'credits']) {
        const { exitCode, error } = await seed();
        expect({ exitCode, code: error?.code }).toEqual({ exitCode: 2, code: 'SEED.KEY' });
        const index = /CREATE UNIQUE INDEX .*;/.exec(error?.hint ?? '')?.[0] ?? '';
        expect(index).toContain(`"${table}"`);
        await project.query(index);
      }
      expect(await seed()).toMatchObject({
        exitCode: 0,
        created: {
          oauth_clients: 1,
          llm_models: 3,
          users: 2,
          user_preferences: 2,
          subscriptions: 2,
          credits: 3,
          usage_history: 6,
        },
      });
      // The document: 2,000 − 500 = 1,500; 2,000 − 0 = 2,000; 10,000 − 5,000 = 5,000.
      const figures = await project.query(
        `SELECT concat_ws(' ', email, credit_type, total_credits, used_credits, remaining_credits, monthly_allocation,
            reset_day_of_month, tier, default_model, stripe_price_id) AS row
           FROM users u JOIN credits c ON c.user_id = u.id JOIN subscriptions s ON s.user_id = u.id
           JOIN user_preferences p ON p.user_id = u.id ORDER BY 1`,
      );
      expect(figures.map(({ row }) => row)).toEqual([
        'free@example.com free 2000 500 1500 2000 1 free gpt-5',
        'pro@example.com free 2000 0 2000 2000 1 pro claude-3.5-sonnet price_test_pro',
        'pro@example.com pro 10000 5000 5000 0 1 pro claude-3.5-sonnet price_test_pro',
      ]);
      await project.query('UPDATE credits SET used_credits = 501, total_credits = 1');
      expect(await seed('--check')).toMatchObject({ exitCode: 4, updated: { credits: 3 } });
      expect(await seed()).toMatchObject({ exitCode: 0, created: {}, updated: { credits: 3 } });
      expect(await seed()).toMatchObject({ exitCode: 0, created: {}, updated: {} });
    }));

  it('goes up where there are users, who get the defaults', () =>
    withUsers(async (project) => {
      expect(await columnCounts(project)).toEqual({
        credits: 10,
        subscriptions: 13,
        user_preferences: 7,
      });
      expect(byState(await project.json('migrate', 'up'))).toEqual({ done: [enhanced] });
      expect(
        await project.query(
          `SELECT email, credit_type, remaining_credits, monthly_allocation, reset_day_of_month
             FROM credits JOIN users ON users.id = user_id ORDER BY email`,
        ),
      ).toEqual(
        [
          ['free@example.com', 1500],
          ['pro@example.com', 5000],
        ].map(([email, remaining]) => ({
          email,
          credit_type: 'free',
          remaining_credits: remaining,
          monthly_allocation: 2000,
          reset_day_of_month: 1,
        })),
      );
    }));

  it('is refused where two subscriptions share a customer, names them, and changes nothing', () =>
    withUsers(async (project) => {
      await project.psql('forbidden.sql');
      const before = await everythingIn(project);
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(1);
      expect(stderr).toContain(
        '2 rows of public.subscriptions share 1 value of stripe_customer_id (stripe_customer_id: cus_test_pro)',
      );
      expect(stderr).toContain('Merge, correct or remove the rows that share a value first');
      expect(await everythingIn(project)).toEqual(before);

      await project.query(
        `UPDATE subscriptions SET stripe_customer_id = NULL WHERE status = 'canceled'`,
      );
      expect((await project.dbops('migrate', 'up')).exitCode).toBe(0);
      expect((await project.dbops('migrate', 'status', '--check')).exitCode).toBe(0);
    }));

  it('is refused where the constraint already exists, and says what that may mean', () =>
    withUsers(async (project) => {
      await project.query(
        'ALTER TABLE subscriptions ADD CONSTRAINT subscriptions_stripe_customer_id_key UNIQUE (stripe_customer_id)',
      );
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(6);
      expect(stderr).toContain('SQLSTATE 42P07');
      expect(stderr).toContain('_prisma_migrations has no row for it');
      expect(stderr).toContain('it is partial: ');
    }));
});

async function columnCounts({ query }: Project): Promise<Record<string, number>> {
  const rows = await query<{ table: string; columns: number }>(
    `SELECT table_name::text AS table, count(*)::int AS columns FROM information_schema.columns
      WHERE table_name IN ('credits', 'subscriptions', 'user_preferences') GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ table, columns }) => [table, columns]));
}

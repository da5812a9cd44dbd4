import { describe, expect } from 'vitest';
import { inTurn, targets } from '../db/targets.ts';
import { migrated, nameOf, now, tables, total, versions } from './database.ts';

/** Each user's balance beside the sum that it must be. */
const balances = `SELECT u.id, u.credit_balance AS balance, coalesce(sum(t.amount), 0)::int AS ledger
  FROM users u LEFT JOIN credit_transactions t ON t.user_id = u.id AND t.status = 'completed'
  GROUP BY u.id ORDER BY u.id`;

const inBalance = [
  { id: 'user_test_free', balance: 0, ledger: 0 },
  { id: 'user_test_pro', balance: 33, ledger: 33 },
];

describe.each(targets)('dbops seed on $name', (target) => {
  const it = inTurn(target);
  it('creates exactly the documented rows', () =>
    migrated(target, async (trial) => {
      expect((await trial.dbops('seed')).code).toBe(0);
      expect(await trial.query('SELECT client_id FROM oauth_clients')).toEqual([
        { client_id: 'textassistant-desktop' },
      ]);
      expect(await trial.query('SELECT slug, name FROM llm_models ORDER BY name')).toEqual(
        [
          { slug: 'claude-3.5-sonnet', name: 'Claude 3.5 Sonnet' },
          { slug: 'gpt-5', name: 'GPT-5' },
          { slug: 'gemini-2.0-pro', name: 'Gemini 2.0 Pro' },
        ].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      );
      expect(await trial.query('SELECT id, name, email FROM users ORDER BY email')).toEqual([
        { id: 'user_test_free', name: 'Free User', email: 'free@example.com' },
        { id: 'user_test_pro', name: 'Pro User', email: 'pro@example.com' },
      ]);
      expect(
        await trial.query(`SELECT user_id, tier, status, cancel_at_period_end AS cancel, stripe_price_id AS price
          FROM subscriptions ORDER BY user_id`),
      ).toEqual([
        { user_id: 'user_test_free', tier: 'free', status: 'active', cancel: false, price: null },
        {
          user_id: 'user_test_pro',
          tier: 'pro',
          status: 'active',
          cancel: false,
          price: 'price_test_pro',
        },
      ]);
      expect(
        await trial.query(`SELECT user_id || ' ' || credit_type AS credit, remaining_credits AS remaining,
          used_credits AS used, total_credits AS total, monthly_allocation AS allocation,
          reset_day_of_month AS day, is_current AS current FROM credits ORDER BY 1`),
      ).toEqual([
        {
          credit: 'user_test_free free',
          remaining: 1500,
          used: 500,
          total: 2000,
          allocation: 2000,
          day: 1,
          current: true,
        },
        {
          credit: 'user_test_pro free',
          remaining: 2000,
          used: 0,
          total: 2000,
          allocation: 2000,
          day: 1,
          current: true,
        },
        {
          credit: 'user_test_pro pro',
          remaining: 5000,
          used: 5000,
          total: 10000,
          allocation: 0,
          day: 1,
          current: true,
        },
      ]);
      expect(
        await trial.query(`SELECT p.user_id, m.slug, p.email_notifications AS mail, p.usage_alerts AS alerts
          FROM user_preferences p JOIN llm_models m ON m.id = p.default_model_id ORDER BY 1`),
      ).toEqual([
        { user_id: 'user_test_free', slug: 'gpt-5', mail: true, alerts: true },
        { user_id: 'user_test_pro', slug: 'claude-3.5-sonnet', mail: true, alerts: true },
      ]);
      expect(await trial.query('SELECT FROM plan_features')).toHaveLength(36);
      const team =
        await trial.query(`SELECT o.name, o.owner_id AS owner, m.user_id AS member, m.role
        FROM organizations o JOIN organization_members m ON m.organization_id = o.id
        WHERE NOT is_personal ORDER BY m.user_id`);
      const acme = { name: 'Acme Studio', owner: 'user_test_pro' };
      expect(team).toEqual([
        { ...acme, member: 'user_test_free', role: 'member' },
        { ...acme, member: 'user_test_pro', role: 'owner' },
      ]);
    }));

  it('creates a set and those that it refers to with --only', () =>
    migrated(target, async (trial) => {
      const { code, output } = await trial.dbops('seed', '--only', 'ledger,credits');
      expect({ code, output }).toMatchObject({
        code: 0,
        output: expect.stringContaining('17 created, 0 updated'), // users 2, credits 3, workshops 4, ledger 8
      });
      expect(await trial.query(balances)).toEqual(inBalance);
      expect(await trial.query('SELECT FROM organizations WHERE NOT is_personal')).toEqual([]);
    }));

  it('changes nothing in a second run, even a month later', () =>
    migrated(target, async (trial) => {
      const first = await trial.seed();
      expect(first.updated).toEqual({});
      const before = await versions(trial);
      for (const clock of [now, new Date('2026-12-24T18:00:00Z')]) {
        const { created, updated, unchanged } = await trial.seed({ now: clock });
        expect({ created, updated }).toEqual({ created: {}, updated: {} });
        expect(total(unchanged)).toBe(total(first.created) + total(first.unchanged));
      }
      expect(await versions(trial)).toEqual(before);
    }));

  it('creates a balance equal to the ledger, and the documented usage', () =>
    migrated(target, async (trial) => {
      await trial.seed();
      expect(await trial.query(balances)).toEqual(inBalance);
      const usage = await trial.query(`SELECT o.name, event_type AS type, sum(quantity)::int AS used
        FROM usage_events e JOIN organizations o ON o.id = e.organization_id
        WHERE event_type IN ('api_call', 'ai_tokens_used') AND occurred_at >= '2026-11-01Z'
        GROUP BY 1, 2 ORDER BY 1, 2`);
      expect(usage).toEqual([
        { name: 'Acme Studio', type: 'ai_tokens_used', used: 1_120_000 },
        { name: 'Acme Studio', type: 'api_call', used: 84_000 },
        { name: "Free User's workspace", type: 'api_call', used: 1_150 },
      ]);
      expect(await trial.query(`SELECT DISTINCT event_type FROM usage_events`)).toHaveLength(7);
      expect(await trial.query('SELECT FROM usage_events WHERE occurred_at > $1', [now])).toEqual(
        [],
      );
    }));

  it('reuses rows that sign-up created', () =>
    migrated(target, async (trial) => {
      await trial.seed();
      const personal = await trial.query(`SELECT o.owner_id,
          (SELECT count(*)::int FROM organization_members m WHERE m.organization_id = o.id AND role = 'owner') AS owners,
          (SELECT count(*)::int FROM org_subscriptions s WHERE s.organization_id = o.id AND plan = 'free') AS subscriptions
        FROM organizations o WHERE is_personal ORDER BY 1`);
      const owners = ['user_test_free', 'user_test_pro'];
      expect(personal).toEqual(
        owners.map((owner_id) => ({ owner_id, owners: 1, subscriptions: 1 })),
      );
    }));

  it('reuses users who signed up', () =>
    migrated(target, async (trial) => {
      await trial.script(`INSERT INTO users (id, email, name, credit_balance) VALUES
        ('clerk_1', 'free@example.com', 'Ann', 0), ('clerk_2', 'pro@example.com', 'Bob', 7)`);
      const { created, updated } = await trial.seed();
      expect(created).not.toHaveProperty('users');
      expect(updated).toEqual({ users: 1 });
      // Only the plan is set: a balance has a history of its own, so no ledger is hung on it.
      const people = `SELECT id, name, plan_tier AS tier, credit_balance AS balance FROM users ORDER BY 1`;
      expect(await trial.query(people)).toEqual([
        { id: 'clerk_1', name: 'Ann', tier: 'free', balance: 0 },
        { id: 'clerk_2', name: 'Bob', tier: 'pro', balance: 7 },
      ]);
      expect(await trial.query('SELECT FROM credit_transactions')).toEqual([]);
      expect(await trial.query('SELECT FROM workshops')).toEqual([]);
      expect(
        await trial.query(`SELECT used_credits FROM credits WHERE user_id = 'clerk_1'`),
      ).toEqual([{ used_credits: 500 }]);
      const [{ owner } = { owner: '' }] = await trial.query<{ owner: string }>(
        `SELECT owner_id AS owner FROM organizations WHERE slug = 'acme-studio-test'`,
      );
      expect(owner).toBe('clerk_2');
      const again = await trial.seed();
      expect([again.created, again.updated]).toEqual([{}, {}]);
    }));

  it('keeps values that testers changed; --reset restores them, and no balance', () =>
    migrated(target, async (trial) => {
      await trial.script(`INSERT INTO users (id, email, name) VALUES ('clerk_1', 'free@example.com', 'Ann');
        INSERT INTO credits (user_id, total_credits, used_credits) VALUES ('clerk_1', 2000, 77)`);
      await trial.seed();
      await trial.script(`UPDATE credits SET used_credits = 9000, total_credits = 9999 WHERE user_id = 'user_test_pro' AND credit_type = 'pro';
        UPDATE users SET name = 'Renamed' WHERE email IN ('pro@example.com', 'free@example.com');
        UPDATE subscriptions SET status = 'cancelled' WHERE user_id = 'user_test_pro';
        INSERT INTO credit_transactions (user_id, type, status, amount) VALUES ('user_test_pro', 'purchase', 'completed', 5);
        UPDATE users SET credit_balance = 38 WHERE id = 'user_test_pro'`);
      const pro = `SELECT total_credits AS total, used_credits AS used FROM credits WHERE user_id = 'user_test_pro' AND credit_type = 'pro'`;
      expect((await trial.seed()).updated).toEqual({ credits: 1 });
      expect(await trial.query(pro)).toEqual([{ total: 10_000, used: 9_000 }]);

      const { updated } = await trial.seed({ reset: true });
      expect(updated).toEqual({ credits: 2, users: 2, subscriptions: 1 });
      expect(await trial.query(pro)).toEqual([{ total: 10_000, used: 5_000 }]);
      const [free] = await trial.query(
        `SELECT name, used_credits AS used FROM users u JOIN credits c ON c.user_id = u.id WHERE u.id = 'clerk_1'`,
      );
      expect(free).toEqual({ name: 'Free User', used: 500 });
      expect(await trial.query(balances)).toEqual([
        { id: 'clerk_1', balance: 0, ledger: 0 },
        { id: 'user_test_pro', balance: 38, ledger: 38 },
      ]);
      expect(
        (await trial.dbops('seed', '--only', 'users', '--confirm', nameOf(trial.url))).output,
      ).toContain('0 created, 0 updated');
    }));

  it('reports with --check and --dry-run what it would do, and writes nothing', () =>
    migrated(target, async (trial) => {
      const before = await versions(trial);
      const dry = await trial.dbops('seed', '--dry-run', '--json');
      expect(dry.code).toBe(0);
      expect(await trial.dbops('seed', '--check')).toMatchObject({ code: 4 });
      expect(await versions(trial)).toEqual(before);
      const real = await trial.dbops('seed', '--json');
      const answer = (output: string) => JSON.parse(output.slice(output.indexOf('{\n')));
      const { created, updated, unchanged } = answer(real.output);
      expect(answer(dry.output)).toMatchObject({ created, updated, unchanged });
    }));

  it('checks and seeds only what --only names', () =>
    migrated(target, async (trial) => {
      await trial.seed();
      await trial.script(`DELETE FROM credits`);
      expect(await trial.dbops('seed', '--check', '--only', 'plan-features')).toMatchObject({
        code: 0,
      });
      expect(await trial.dbops('seed', '--check', '--only', 'plan-features,credits')).toMatchObject(
        {
          code: 4,
        },
      );
    }));

  it('rolls back when the last table fails, or when it is interrupted', () =>
    migrated(target, async (trial) => {
      const before = await versions(trial);
      await trial.script(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON ${tables.at(-1)} FOR EACH ROW EXECUTE FUNCTION refuse()`);
      const failed = await trial.dbops('seed');
      expect(failed).toMatchObject({
        code: 1,
        output: expect.stringContaining('not today (SQLSTATE P0001)'),
      });
      expect(await versions(trial)).toEqual(before);
      await expect(trial.seed({ signal: AbortSignal.abort() })).rejects.toMatchObject({
        exitCode: 130,
      });
      expect(await versions(trial)).toEqual(before);
    }));
});

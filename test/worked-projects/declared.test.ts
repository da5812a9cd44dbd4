// What dbops init proposes for the four projects, and what their own declarations (dbops.declared.json) lead to.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { supabasePrelude } from '../../src/formats/supabase/prelude.ts';
import { app, newest } from '../db/targets.ts';
import { projectOn, withProject, type Project } from '../migrate/project.ts';
import { withWorkedProject, type WorkedProject } from './worked-project.ts';

/** Names that nobody foresaw: two schemas, accounts that are people, tiers, wallets, samples. */
const workspaces = `
  CREATE SCHEMA core;
  CREATE SCHEMA metering;
  CREATE TYPE core.tier AS ENUM ('free', 'pro');
  CREATE TABLE core.account (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL UNIQUE,
    full_name text NOT NULL, balance bigint NOT NULL DEFAULT 0, deleted_at timestamptz);
  CREATE TABLE core.workspace (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text NOT NULL,
    slug text NOT NULL UNIQUE, tier core.tier NOT NULL DEFAULT 'free', owner_id uuid NOT NULL REFERENCES core.account,
    deleted_at timestamptz);
  CREATE TABLE core.tier_quota (tier core.tier, quota text, amount bigint NOT NULL, PRIMARY KEY (tier, quota));
  INSERT INTO core.tier_quota VALUES ('free', 'members', 2), ('pro', 'members', -1);
  CREATE TABLE core.member (workspace_id uuid REFERENCES core.workspace, account_id uuid REFERENCES core.account,
    joined_at timestamptz DEFAULT now(), PRIMARY KEY (workspace_id, account_id));
  CREATE TABLE core.api_key (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    workspace_id uuid NOT NULL REFERENCES core.workspace, user_id uuid REFERENCES core.account);
  CREATE TABLE metering.llm_call (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES core.workspace, key_id uuid REFERENCES core.api_key, tokens bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE metering.disk_sample (workspace_id uuid NOT NULL REFERENCES core.workspace, bytes bigint NOT NULL,
    sampled_at timestamptz NOT NULL);
  CREATE TABLE metering.wallet (account_id uuid REFERENCES core.account, currency text, granted numeric NOT NULL,
    spent numeric NOT NULL, active boolean NOT NULL DEFAULT true, PRIMARY KEY (account_id, currency));
  CREATE TABLE metering.wallet_entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES core.account, amount numeric NOT NULL,
    status text NOT NULL CHECK (status IN ('waiting', 'done')), created_at timestamptz NOT NULL DEFAULT now());`;

/** Names as Prisma writes them, of which each needs quotes. */
const prismaNames = `
  CREATE TYPE "PlanTier" AS ENUM ('FREE', 'PRO');
  CREATE TABLE "User" ("id" text PRIMARY KEY, "email" text NOT NULL UNIQUE, "displayName" text,
    "creditBalance" integer NOT NULL DEFAULT 0, "updatedAt" timestamp(3) NOT NULL);
  CREATE TABLE "Team" ("id" text PRIMARY KEY, "name" text NOT NULL, "slug" text NOT NULL UNIQUE,
    "planTier" "PlanTier" NOT NULL DEFAULT 'FREE');
  CREATE TABLE "PlanLimit" ("plan" "PlanTier", "featureKey" text, "limitValue" integer NOT NULL,
    PRIMARY KEY ("plan", "featureKey"));
  INSERT INTO "PlanLimit" VALUES ('FREE', 'max_team_members', 3);
  CREATE TABLE "TeamMember" ("teamId" text REFERENCES "Team"("id"), "userId" text REFERENCES "User"("id"),
    PRIMARY KEY ("teamId", "userId"));
  CREATE TABLE "UsageEvent" ("id" text PRIMARY KEY, "teamId" text NOT NULL REFERENCES "Team"("id"), "units" integer NOT NULL,
    "createdAt" timestamp(3) NOT NULL DEFAULT now());
  CREATE TABLE "CreditLedger" ("id" text PRIMARY KEY, "userId" text NOT NULL REFERENCES "User"("id"),
    "delta" integer NOT NULL, "createdAt" timestamp(3) NOT NULL DEFAULT now());`;

/** What the proposal of a project holds, a few rows of its own, and what the commands then print. */
/** A time of its own in each table, tenants that no list of words has, and a prepaid balance. */
const clinicNames = `
  CREATE TYPE appointment_status AS ENUM ('booked', 'attended', 'missed', 'cancelled');
  CREATE TABLE clinics ( id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, subdomain text NOT NULL UNIQUE, tier text NOT NULL DEFAULT 'free' CHECK (tier IN ('free', 'pro', 'hospital')), opened_at timestamptz NOT NULL DEFAULT now() );
  CREATE TABLE tier_limits ( tier text NOT NULL, feature text NOT NULL, max_value integer NOT NULL, PRIMARY KEY (tier, feature) );
  CREATE TABLE staff ( id uuid PRIMARY KEY DEFAULT gen_random_uuid(), clinic_id uuid NOT NULL REFERENCES clinics, email text NOT NULL UNIQUE, full_name text NOT NULL, role text NOT NULL DEFAULT 'doctor', hired_on date NOT NULL DEFAULT current_date );
  CREATE TABLE patients ( id uuid PRIMARY KEY DEFAULT gen_random_uuid(), clinic_id uuid NOT NULL REFERENCES clinics, email text UNIQUE, full_name text NOT NULL, born_on date, registered_at timestamptz NOT NULL DEFAULT now(), prepaid_balance numeric(12,2) NOT NULL DEFAULT 0 );
  CREATE TABLE appointments ( id uuid PRIMARY KEY DEFAULT gen_random_uuid(), clinic_id uuid NOT NULL REFERENCES clinics, patient_id uuid NOT NULL REFERENCES patients, staff_id uuid REFERENCES staff, starts_at timestamptz NOT NULL, ends_at timestamptz, status appointment_status NOT NULL DEFAULT 'booked', booked_at timestamptz NOT NULL DEFAULT now() );
  CREATE TABLE reminders ( id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, clinic_id uuid NOT NULL REFERENCES clinics, appointment_id uuid NOT NULL REFERENCES appointments, channel text NOT NULL, segments integer NOT NULL DEFAULT 1, sent_at timestamptz NOT NULL, delivered_at timestamptz );
  CREATE TABLE invoices ( id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, clinic_id uuid NOT NULL REFERENCES clinics, patient_id uuid NOT NULL REFERENCES patients, number text NOT NULL UNIQUE, amount numeric(12,2) NOT NULL, issued_at timestamptz NOT NULL DEFAULT now(), paid_at timestamptz );
  CREATE TABLE prepaid_movements ( id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, patient_id uuid NOT NULL REFERENCES patients, amount numeric(12,2) NOT NULL, reason text NOT NULL, occurred_on timestamptz NOT NULL DEFAULT now() );
`;

/** Keys that the server numbers, `ts` and `called_at`, and balances in a table of their own. */
const apiNames = `
  CREATE TABLE accounts ( id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, handle text NOT NULL UNIQUE, email text NOT NULL UNIQUE, plan text NOT NULL DEFAULT 'free', password_hash text NOT NULL, signup_ts timestamptz NOT NULL DEFAULT now(), suspended_at timestamptz );
  CREATE TABLE api_keys ( id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, key_hash text NOT NULL UNIQUE, last_used_at timestamptz, revoked_at timestamptz );
  CREATE TABLE api_calls ( id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, key_id bigint REFERENCES api_keys, model text NOT NULL, input_tokens integer NOT NULL, output_tokens integer NOT NULL, latency_ms integer, called_at timestamptz NOT NULL DEFAULT now() );
  CREATE TABLE uploads ( id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, size_bytes bigint NOT NULL, ts timestamp NOT NULL DEFAULT now() );
  CREATE TABLE token_ledger ( id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts, delta bigint NOT NULL, reason text NOT NULL, booked_at timestamptz NOT NULL DEFAULT now() );
  CREATE TABLE balances ( account_id bigint PRIMARY KEY REFERENCES accounts, tokens bigint NOT NULL DEFAULT 0 );
  CREATE TABLE rate_limits ( plan text NOT NULL, metric text NOT NULL, ceiling bigint NOT NULL, PRIMARY KEY (plan, metric) );
`;

interface Proposal {
  name: string;
  /** Of a project without a fixture: its one migration. */
  schema?: string;
  /** Part of the configuration, with all the meters. */
  proposed: {
    usage: { subjects: object; limits?: object; meters: object };
    [section: string]: object;
  };
  rows: string;
  /** Of `report usage`. */
  lines: number;
  reports: Record<string, string[]>;
  /** The plan of each subject after `seed`, by what it is called; default: not looked at. */
  plans?: Record<string, string>;
  /** Of `verify data`; default: none. */
  findings?: number;
}

const proposals: Proposal[] = [
  {
    name: 'credits',
    proposed: {
      usage: {
        subjects: { from: 'users', id: 'users.id' },
        meters: {
          conversations: { from: 'conversations', measure: 'count' },
          usage_history: { from: 'usage_history', measure: { sum: 'credits_used' } },
        },
      },
      credits: {
        holders: { from: 'users', id: 'users.id' },
        balances: {
          from: 'credits',
          holder: 'user_id',
          kind: 'credit_type',
          granted: 'total_credits',
          used: 'used_credits',
          allocation: 'monthly_allocation',
          resetDay: 'reset_day_of_month',
          periodStart: 'billing_period_start',
          periodEnd: 'billing_period_end',
        },
      },
    },
    rows: `INSERT INTO credits (user_id, total_credits, used_credits, billing_period_start, billing_period_end)
      SELECT id, 2000, 500, now(), now() + interval '1 month' FROM users WHERE email LIKE 'free@%'`,
    // 2 users × 2 meters
    lines: 4,
    // 500 / 2,000 = 25 %
    reports: { credits: ['free@example.com free 2000 500 25.0'] },
    plans: { 'Free User': 'free', 'Pro User': 'pro' },
  },
  {
    name: 'workshops',
    proposed: {
      usage: {
        subjects: { from: 'users', id: 'users.clerk_user_id', plan: 'users.plan_tier' },
        meters: {
          workshops: { from: 'workshops', where: 'deleted_at is null', measure: 'count' },
        },
      },
      credits: {
        ledger: {
          from: 'credit_transactions',
          holder: 'clerk_user_id',
          settled: "status = 'completed'",
          equals: { table: 'users', holder: 'clerk_user_id', column: 'credit_balance' },
        },
      },
      checks: { 'credit_transactions-of-another-user': { severity: 'error' } },
    },
    rows: `INSERT INTO credit_transactions (id, clerk_user_id, type, status, amount)
        SELECT 't' || amount, clerk_user_id, 'purchase', 'completed', amount FROM users, (VALUES (10), (-3)) a (amount)
         WHERE email LIKE 'pro@%';
      UPDATE users SET credit_balance = 7 WHERE email LIKE 'pro@%'`,
    // 2 users × 1 meter
    lines: 2,
    // 0 + 10 − 3 = 7, which is the balance
    reports: { ledger: ['pro@example.com 0 10 3 7'], reconcile: [] },
  },
  {
    name: 'e-commerce',
    proposed: {
      usage: {
        subjects: { from: 'organizations', id: 'organizations.id', slug: 'organizations.slug' },
        meters: {
          content: { from: 'content', measure: 'count' },
          content_access: { from: 'content_access', measure: 'count' },
          purchases: { from: 'purchases', measure: { sum: 'amount_paid_cents' } },
        },
      },
      checks: {
        'content_access-of-another-organization': { severity: 'error' },
        'purchases-of-another-organization': { severity: 'error' },
      },
    },
    rows: `INSERT INTO organizations (name, slug) VALUES ('Studio', 'studio')`,
    // 1 organization × 3 meters
    lines: 3,
    reports: {},
  },
  {
    name: 'starter-kit',
    proposed: {
      usage: {
        subjects: { from: 'organizations', id: 'organizations.id', slug: 'organizations.slug' },
        limits: { from: 'plan_features', plan: 'plan', meter: 'feature_key', unlimited: -1 },
        meters: {
          organization_members: { from: 'organization_members', limit: 'max_seats' },
          records: { from: 'records', limit: 'max_records' },
          reminders: { from: 'reminders' },
          schedules: { from: 'schedules', limit: 'max_schedules' },
          record_created: { from: 'usage_events' },
          api_call: { from: 'usage_events', limit: 'max_api_calls_per_month' },
          automation_run: { from: 'usage_events', limit: 'max_automations' },
          storage_used: { measure: { latest: 'quantity' }, limit: 'max_storage_gb' },
          schedule_executed: { from: 'usage_events' },
          ai_tokens_used: { measure: { sum: 'quantity' }, limit: 'max_ai_tokens_per_month' },
          user_active: { measure: { unique: 'user_id' }, limit: 'max_mau' },
        },
      },
    },
    rows: `INSERT INTO usage_events (org_id, event_type, quantity) SELECT id, 'api_call', 5 FROM organizations`,
    // 2 personal organizations, which the trigger creates, × 11 meters
    lines: 22,
    reports: {},
    plans: {
      'personal-00000000-0000-4000-8000-00000000f4ee': 'free',
      'personal-00000000-0000-4000-8000-000000000930': 'pro',
    },
  },
  {
    name: 'workspaces',
    schema: workspaces,
    proposed: {
      usage: {
        subjects: {
          from: 'core.workspace',
          id: 'core.workspace.id',
          plan: 'core.workspace.tier::text',
        },
        limits: { from: 'core.tier_quota', plan: 'tier::text', meter: 'quota', value: 'amount' },
        meters: {
          api_key: { from: 'core.api_key', measure: 'count' },
          member: { from: 'core.member', measure: 'count', limit: 'members' },
          disk_sample: { from: 'metering.disk_sample', measure: { latest: 'bytes' } },
          llm_call: { from: 'metering.llm_call', measure: { sum: 'tokens' } },
        },
      },
      credits: {
        holders: { from: 'core.account' },
        balances: { from: 'metering.wallet', kind: 'currency', granted: 'granted', used: 'spent' },
        ledger: {
          from: 'metering.wallet_entry',
          settled: "status = 'done'",
          equals: { table: 'core.account', holder: 'id', column: 'balance' },
        },
      },
      // The owner of a workspace need not be its only member.
      checks: { 'llm_call-of-another-workspace': { key: ['id'] } },
    },
    rows: `INSERT INTO core.workspace (title, slug, owner_id)
        SELECT 'Acme', 'acme', id FROM core.account WHERE email LIKE 'pro@%';
      INSERT INTO core.member SELECT w.id, a.id FROM core.workspace w, core.account a;
      INSERT INTO metering.wallet SELECT id, 'gold', 100, 40 FROM core.account WHERE email LIKE 'pro@%';
      INSERT INTO metering.wallet_entry (account_id, amount, status)
        SELECT id, amount, status FROM core.account, (VALUES (10, 'done'), (-3, 'done'), (50, 'waiting')) e (amount, status)
         WHERE email LIKE 'pro@%';
      UPDATE core.account SET balance = 7 WHERE email LIKE 'pro@%'`,
    // 1 workspace × 4 meters
    lines: 4,
    reports: {
      credits: ['pro@example.com gold 100 40 40.0'],
      // 10 − 3 = 7; 50 are not settled
      ledger: ['pro@example.com 0 10 3 7'],
      reconcile: [],
    },
  },
  {
    name: 'teams',
    schema: prismaNames,
    proposed: {
      usage: {
        subjects: { from: '"Team"', id: '"Team".id', plan: '"Team"."planTier"::text' },
        limits: { from: '"PlanLimit"', meter: '"featureKey"', value: '"limitValue"' },
        meters: {
          TeamMember: { from: '"TeamMember"', measure: 'count', limit: 'max_team_members' },
          UsageEvent: { from: '"UsageEvent"', at: '"createdAt"', measure: { sum: 'units' } },
        },
      },
      credits: {
        holders: { from: '"User"' },
        ledger: {
          from: '"CreditLedger"',
          amount: 'delta',
          equals: { table: '"User"', column: '"creditBalance"' },
        },
      },
    },
    rows: `INSERT INTO "Team" VALUES ('t1', 'Acme', 'acme');
      INSERT INTO "CreditLedger" ("id", "userId", "delta") SELECT 'c1', "id", 10 FROM "User" WHERE "email" LIKE 'pro@%'`,
    // 1 team × 2 meters
    lines: 2,
    reports: { ledger: ['pro@example.com 0 10 0 10'] },
    // 0 − 10: the balance was not updated
    findings: 1,
  },
  {
    name: 'clinics',
    schema: clinicNames,
    proposed: {
      usage: {
        subjects: { from: 'clinics', slug: 'clinics.subdomain', plan: 'clinics.tier' },
        limits: { from: 'tier_limits', plan: 'tier', meter: 'feature', value: 'max_value' },
        meters: {
          appointments: { at: 'booked_at', measure: 'count' },
          invoices: { at: 'issued_at', measure: { sum: 'amount' } },
          patients: { from: 'patients', measure: 'count' },
          reminders: { at: 'sent_at', measure: 'count' },
          staff: { from: 'staff', measure: 'count' },
        },
      },
      credits: {
        holders: { from: 'patients' },
        ledger: {
          from: 'prepaid_movements',
          at: 'occurred_on',
          equals: { table: 'patients', column: 'prepaid_balance' },
        },
      },
      seeds: { limits: { table: 'tier_limits', key: ['tier', 'feature'] } },
    },
    rows: `INSERT INTO patients (clinic_id, full_name, email, prepaid_balance)
        SELECT id, 'Ada', 'ada@example.com', 50.5 FROM clinics WHERE tier = 'pro';
      INSERT INTO prepaid_movements (patient_id, amount, reason)
        SELECT id, unnest(ARRAY[80.5, -30]), 'visit' FROM patients`,
    // 2 clinics × 5 meters
    lines: 10,
    reports: {
      credits: ['ada@example.com null 80.5 30 37.3'],
      ledger: ['ada@example.com 0 80.5 30 50.5'],
      reconcile: [],
    },
  },
  {
    name: 'api calls',
    schema: apiNames,
    proposed: {
      usage: {
        subjects: { from: 'accounts', slug: 'accounts.handle', plan: 'accounts.plan' },
        limits: { from: 'rate_limits', plan: 'plan', meter: 'metric', value: 'ceiling' },
        meters: {
          api_calls: { at: 'called_at', measure: { sum: 'input_tokens + output_tokens' } },
          api_keys: { measure: 'count' },
          uploads: { at: 'ts', measure: { sum: 'size_bytes' } },
        },
      },
      credits: {
        holders: { from: 'accounts' },
        ledger: {
          from: 'token_ledger',
          at: 'booked_at',
          amount: 'delta',
          equals: { table: 'balances', holder: 'account_id', column: 'tokens' },
        },
      },
      seeds: { limits: { table: 'rate_limits' } },
    },
    rows: `INSERT INTO token_ledger (account_id, delta, reason) SELECT id, 10, 'welcome' FROM accounts;
      INSERT INTO balances SELECT id, 10 FROM accounts`,
    // 2 accounts × 3 meters
    lines: 6,
    reports: {
      credits: ['free@example.com null 10 0 0.0', 'pro@example.com null 10 0 0.0'],
      ledger: ['free@example.com 0 10 0 10', 'pro@example.com 0 10 0 10'],
      reconcile: [],
    },
  },
];

const figures: Record<string, string[]> = {
  credits: ['holder', 'kind', 'granted', 'used', 'percent'],
  ledger: ['holder', 'opening', 'in', 'out', 'closing'],
  reconcile: ['holder', 'balance', 'ledger', 'difference', 'firstEntry'],
};

describe.each(newest)('the declarations of the worked projects on $name', (server) => {
  const migrated = (name: string, test: (project: WorkedProject) => Promise<void>) =>
    withWorkedProject(server, name, async (project) => {
      if (name === 'starter-kit') await project.query(supabasePrelude);
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      await test(project);
    });

  const withGiven = ({ name, schema }: Proposal, test: (project: Project) => Promise<void>) =>
    schema === undefined
      ? migrated(name, test)
      : withProject(server, { '0001_all.up.sql': schema }, async (project) => {
          expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
          await test(project);
        });

  it.each(proposals)('runs what dbops init proposes for the project $name, unchanged', (given) =>
    withGiven(given, async (project) => {
      const config = await uncommented(project);
      expect(config).toMatchObject(given.proposed);
      expect(Object.keys(config.usage.meters)).toEqual(Object.keys(given.proposed.usage.meters));
      expect(config.seeds.users.rows.map(({ email }) => email)).toEqual([
        'free@example.com',
        'pro@example.com',
      ]);
      await expectHealthy(project);
      const { table } = config.seeds.users;
      expect(await project.json('seed')).toMatchObject({ exitCode: 0, created: { [table]: 2 } });
      expect(await project.json('seed')).toMatchObject({ exitCode: 0, created: {}, updated: {} });
      await project.query(given.rows);
      const used = await project.json('report', 'usage');
      expect(used).toMatchObject({ exitCode: 0, totals: { lines: given.lines } });
      const plans = usage
        .parse(used)
        .rows.map(({ slug, subject, plan }) => [slug ?? subject, plan]);
      expect(Object.fromEntries(plans)).toMatchObject(given.plans ?? {});
      for (const [report, lines] of Object.entries(given.reports))
        expect(await rowsOf(project, figures[report] ?? [], report)).toEqual(lines);
      const { findings = 0 } = given;
      expect(await project.json('verify', 'data')).toMatchObject({
        exitCode: findings ? 4 : 0,
        findings: { length: findings },
      });
    }),
  );

  it('proposes limits whose rows the role may not read', () =>
    withProject(server, {}, async ({ url, root, query }) => {
      await query(prismaNames);
      const restricted = Object.assign(new URL(url), {
        username: app.user,
        password: app.password,
      });
      const { usage: proposed } = await uncommented(projectOn(restricted.href, root));
      expect(proposed).toMatchObject({ limits: { from: '"PlanLimit"' } });
      expect(proposed.meters).not.toHaveProperty('TeamMember.limit');
    }));

  it('computes the figures of the credits project', () =>
    migrated('credits', async (project) => {
      await project.query(`CREATE UNIQUE INDEX ON subscriptions (user_id);
        CREATE UNIQUE INDEX ON credits (user_id, credit_type)`);
      await seeded(project);
      const credits = ['holder', 'kind', 'granted', 'used', 'remaining', 'percent', 'state'];
      const reset = ['allocation', 'reset', 'daysLeft'];
      // The document: 2,000 − 500 = 1,500, 500 / 2,000 = 25 %; 2,000 − 0; 10,000 − 5,000 = 5,000, 50 %.
      // They reset on the 1st: 15 November to 1 December are 16 days.
      expect(
        await declaredRows(project, [...credits, ...reset], 'credits', '--as-of', '2025-11-15'),
      ).toEqual([
        'free@example.com free 2000 500 1500 25.0 ok 2000 2025-12-01T00:00:00.000Z 16',
        'pro@example.com free 2000 0 2000 0.0 ok 2000 2025-12-01T00:00:00.000Z 16',
        'pro@example.com pro 10000 5000 5000 50.0 ok 0 2025-12-01T00:00:00.000Z 16',
      ]);
      expect(await usageIn(project, '2025-11')).toEqual([
        // 300 + 200 = 500 of 2,000; without 40 of the last microsecond of October and 7 of 1 December
        'free@example.com free credits 500 2000 25.0 ok',
        // gpt-5 and gemini-2.0-pro: 2 of 1
        'free@example.com free models 2 1 200.0 over',
        // 4,000 + 1,000 = 5,000 of 2,000 + 10,000; 5,000 / 12,000 = 41.67 %
        'pro@example.com pro credits 5000 12000 41.7 ok',
        'pro@example.com pro models 2 -1 null unlimited',
      ]);
      expect(await findingsIn(project)).toEqual([]);
      await project.query(`UPDATE credits SET used_credits = 5001 WHERE credit_type = 'pro'`);
      // 10,000 − 5,001 = 4,999, not 5,000
      expect(await findingsIn(project)).toEqual(['remaining-credits:pro@example.com/pro']);
    }));

  it('computes the figures of the workshops project', () =>
    migrated('workshops', async (project) => {
      await seeded(project);
      await project.psql('declared.sql');
      expect(await usageIn(project, '2026-02')).toEqual([
        // ws_b1 to ws_b3: 3 of 3; m6
        'ben@example.com free workshops 3 3 100.0 warn',
        'ben@example.com free messages 1 100 1.0 ok',
        // ws_c1 to ws_c4: 4 / 3 = 133.33 %
        'cleo@example.com free workshops 4 3 133.3 over',
        'cleo@example.com free messages 0 100 0.0 ok',
        'free@example.com free workshops 0 3 0.0 ok',
        'free@example.com free messages 0 100 0.0 ok',
        // ws_p1, for ws_p2 is deleted; m2 and m3, for m1 and m4 are of other months and m5 is an answer: 2 / 1,000
        'pro@example.com pro workshops 1 -1 null unlimited',
        'pro@example.com pro messages 2 1000 0.2 ok',
      ]);
      const ledger = ['holder', 'opening', 'in', 'out', 'closing', 'entries'];
      expect(await declaredRows(project, ledger, 'ledger', '--period', '2026-02')).toEqual([
        // b1 = 5; b2: 5 − 2 = 3; b3 is pending
        'ben@example.com 5 0 2 3 1',
        // c1 + c2 = 5 + 1 = 6
        'cleo@example.com 0 6 0 6 2',
        // p1 + p2 = 10 − 3 = 7
        'pro@example.com 0 10 3 7 2',
      ]);
      const reconciled = await project.json('report', 'reconcile', ...declared);
      expect(reconciled).toMatchObject({ exitCode: 4, totals: { rows: 1, compared: 4 } });
      expect(await findingsIn(project)).toEqual([
        // c2: 5 + 1 = 6, recorded as 5
        'balance-after:c2',
        // ws_b1 has b2
        'consumed-without-entry:ws_b3',
        // 5 − (5 − 2) = 2
        'reconcile:clerk_ben',
      ]);
    }));

  it('computes the figures of the e-commerce project', () =>
    migrated('e-commerce', async (project) => {
      await seeded(project);
      await project.psql('declared.sql');
      const revenue = ['organization', 'currency', 'sales', 'revenue_cents', 'refunded_cents'];
      const november = ['--param', 'month=2025-11-01'];
      expect(await declaredRows(project, revenue, 'revenue', ...november)).toEqual([
        'Studio North eur 1 1700 0',
        // 1 + 2: 1,000 + 2,500 = 3,500; 4 was refunded, 5 failed, 9 is pending
        'Studio North usd 2 3500 4900',
        'Studio South usd 0 0 2500',
      ]);
      // 7 is of the last microsecond of October, 8 of the first instant of December.
      for (const [month, cents] of [
        ['2025-10', 5000],
        ['2025-12', 6000],
      ])
        expect(
          await declaredRows(project, revenue, 'revenue', '--param', `month=${month}-01`),
        ).toEqual([`Studio North usd 1 ${cents} 0`]);
      expect(await usageIn(project, '2025-11')).toEqual([
        // Glazing and Throwing; Trimming is a draft
        'Studio North null content 2 2 100.0 warn',
        // Ben (1) and Cleo (2, 3)
        'Studio North null buyers 2 null null no-limit-row',
        'Studio South null content 1 2 50.0 ok',
        'Studio South null buyers 0 null null no-limit-row',
        'Studio Test null content 0 2 0.0 ok',
        'Studio Test null buyers 0 null null no-limit-row',
      ]);
      expect(await findingsIn(project)).toEqual([
        'completed-without-access:0e000000-0000-4000-8000-000000000008',
        'purchase-of-another-organization:0e000000-0000-4000-8000-000000000009',
      ]);
    }));

  it('computes the figures of the starter kit', () =>
    migrated('starter-kit', async (project) => {
      await seeded(project);
      await project.psql('declared.sql');
      const lines = await usageIn(project, '2025-11', 'slug');
      const of = (slug: string) => lines.filter((line) => line.startsWith(`${slug} `));
      expect(of('acme-test')).toEqual([
        'acme-test pro records 12 10000 0.1 ok',
        // 80,000 + 4,000, without 75,000 of October and 500 of December
        'acme-test pro api_calls 84000 100000 84.0 warn',
        'acme-test pro automations 50 50 100.0 warn',
        // the last level of November, neither the highest nor the sum
        'acme-test pro storage 31 50 62.0 ok',
        // the pro user twice and the free user; one event without a user: 2 / 1,000
        'acme-test pro mau 2 1000 0.2 ok',
        // one of three is paused: 2 / 50
        'acme-test pro schedules 2 50 4.0 ok',
        // 1,000,000 + 120,000
        'acme-test pro ai_tokens 1120000 1000000 112.0 over',
        'acme-test pro seats 2 5 40.0 ok',
      ]);
      // With those of pro, 8 of the 9 features of each of the 4 plans have a limit: 32 of 36.
      const limits = (slug: string) => of(slug).map((line) => Number(line.split(' ')[4]));
      expect(limits('south')).toEqual([100_000, 1_000_000, 500, 500, 10_000, 500, 10_000_000, 50]);
      expect(limits('east')).toEqual(Array(8).fill(-1));
      // A plan that is past due does not count: the limits are those of free.
      expect(limits('west')).toEqual([100, 1000, 3, 1, 50, 5, 10_000, 1]);
      expect(of('east')).toContain('east enterprise api_calls 9000000000 -1 null unlimited');
      // 1,150 / 1,000
      expect(of('west')).toContain('west free api_calls 1150 1000 115.0 over');
      const { totals, rows } = usage.parse(
        await project.json('report', 'usage', ...declared, '--period', '2025-11'),
      );
      expect(totals).toEqual({
        // acme-test, south, east, west, and a personal organization of each of the two users; × 8 meters
        subjects: 6,
        lines: 48,
        // ai_tokens of acme-test, api_calls of west
        over: 2,
        // api_calls and automations of acme-test, the one seat of each personal organization
        warn: 4,
        unlimited: 8,
        'no-limit-row': 0,
        // 48 − 2 − 4 − 8
        ok: 34,
      });
      expect(rows.filter(({ uncounted }) => Number(uncounted ?? 0) > 0)).toMatchObject([
        { slug: 'acme-test', meter: 'mau', uncounted: 1 },
      ]);
      expect(await findingsIn(project)).toEqual([]);
      await project.query(`DELETE FROM organizations o USING users u
          WHERE u.id = o.owner_id AND is_personal AND u.email = 'free@example.com';
        DELETE FROM plan_features WHERE plan = 'pro' AND feature_key = 'max_seats'`);
      // 36 − 1 = 35
      expect(await findingsIn(project)).toEqual([
        'personal-organization:free@example.com',
        'plan-features:35',
      ]);
    }));
});

const declared = ['--config', 'dbops.declared.json'];

const proposal = z.looseObject({
  usage: z.looseObject({ meters: z.record(z.string(), z.unknown()) }),
  seeds: z.looseObject({
    users: z.looseObject({
      table: z.string(),
      rows: z.array(z.looseObject({ email: z.string() })),
    }),
  }),
});

/** Runs `dbops init`, removes the `//` in front of the lines that it proposes, and reads the file. */
async function uncommented(project: Project) {
  const { stdout } = await project.dbops('init', '--json');
  const { file } = z.object({ file: z.string() }).parse(JSON.parse(stdout));
  const path = join(project.root, file);
  const marker = 'Try it with: dbops doctor\n';
  const [own = '', proposed = ''] = readFileSync(path, 'utf8').split(marker);
  expect(proposed).not.toBe('');
  writeFileSync(path, own + marker + proposed.replaceAll(/^ {2}\/\/ /gm, '  '));
  const loaded: unknown = await import(pathToFileURL(path).href);
  return z.object({ default: proposal }).parse(loaded).default;
}

/** Nothing fails, and at most an index is missing. */
async function expectHealthy(project: Project, ...words: string[]): Promise<void> {
  const { exitCode, stdout } = await project.dbops('doctor', ...words);
  expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 });
  expect(stdout).toMatch(/^ok +declarations/m);
  for (const [line] of stdout.matchAll(/^(?:warn|fail).*$/gm)) expect(line).toContain('No index');
}

/** Seeds what the project declares, twice: the second run changes nothing. */
async function seeded(project: Project): Promise<void> {
  await expectHealthy(project, ...declared);
  expect(await project.json('seed', ...declared)).toMatchObject({ exitCode: 0, updated: {} });
  expect(await project.json('seed', ...declared)).toMatchObject({
    exitCode: 0,
    created: {},
    updated: {},
  });
}

const report = z.looseObject({ rows: z.array(z.record(z.string(), z.unknown())) });

const usage = report.extend({ totals: z.record(z.string(), z.number()) });

/** The values of these keys in each row of a report, with blanks between them. */
async function rowsOf(project: Project, keys: string[], ...words: string[]): Promise<string[]> {
  const answer = await project.json('report', ...words);
  expect(answer).toMatchObject({ exitCode: 0 });
  return report.parse(answer).rows.map((row) => keys.map((key) => String(row[key])).join(' '));
}

function declaredRows(project: Project, keys: string[], ...words: string[]): Promise<string[]> {
  return rowsOf(project, keys, ...words, ...declared);
}

function usageIn(project: Project, month: string, subject = 'subject'): Promise<string[]> {
  const keys = [subject, 'plan', 'meter', 'used', 'limit', 'percent', 'state'];
  return declaredRows(project, keys, 'usage', '--period', month);
}

/** Keys of what `verify data` finds, sorted. */
async function findingsIn(project: Project): Promise<string[]> {
  const answer = await project.json('verify', 'data', ...declared);
  const { findings } = z.object({ findings: z.array(z.object({ key: z.string() })) }).parse(answer);
  expect(answer.exitCode).toBe(findings.length > 0 ? 4 : 0);
  return findings.map(({ key }) => key).toSorted();
}

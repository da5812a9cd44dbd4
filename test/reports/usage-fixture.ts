import type { Session } from '../../src/db/session.ts';

const ids = {
  acme: '00000000-0000-4000-8000-00000000000a',
  atlas: '00000000-0000-4000-8000-00000000000b',
  birch: '00000000-0000-4000-8000-00000000000c',
  cedar: '00000000-0000-4000-8000-00000000000d',
  delta: '00000000-0000-4000-8000-00000000000e',
  elm: '00000000-0000-4000-8000-00000000000f',
};

// Each user also gets a personal organization with one seat: the trigger of 0006 makes it.
const organizations = `
  INSERT INTO users (id, email, name) VALUES
    ('ann', 'ann@example.com', 'Ann'), ('bob', 'bob@example.com', 'Bob'),
    ('cid', 'cid@example.com', 'Cid'), ('dee', 'dee@example.com', 'Dee');
  INSERT INTO organizations (id, name, owner_id, slug) VALUES
    ('${ids.acme}', 'Acme', 'ann', 'acme'), ('${ids.atlas}', 'Atlas', 'ann', 'atlas'),
    ('${ids.birch}', 'Birch', 'ann', 'birch'), ('${ids.cedar}', 'Cedar', 'ann', 'cedar'),
    ('${ids.delta}', 'Delta', 'ann', 'delta'), ('${ids.elm}', 'Elm', 'ann', 'elm');
  INSERT INTO org_subscriptions (organization_id, plan, status) VALUES
    ('${ids.acme}', 'pro', 'active'), ('${ids.acme}', 'enterprise', 'canceled'),
    ('${ids.atlas}', 'enterprise', 'active'), ('${ids.birch}', 'business', 'active'),
    ('${ids.delta}', 'pro', 'canceled');
  INSERT INTO organization_members (organization_id, user_id, role) VALUES
    ('${ids.acme}', 'ann', 'owner'), ('${ids.acme}', 'bob', 'member'),
    ('${ids.acme}', 'cid', 'viewer'), ('${ids.acme}', 'dee', 'member');
  INSERT INTO invites (organization_id, email, token) VALUES
    ('${ids.acme}', 'eve@example.com', 'open');`;

// Cedar is at the limit of free (100 records), Elm above it.
const gauges = `
  INSERT INTO record_types (organization_id, key, name)
    SELECT id, 'note', 'Note' FROM organizations WHERE slug IN ('acme', 'cedar', 'elm');
  INSERT INTO records (organization_id, record_type_id)
    SELECT t.organization_id, t.id FROM record_types t, generate_series(1, 101) n
    WHERE n <= CASE t.organization_id WHEN '${ids.acme}' THEN 2 WHEN '${ids.cedar}' THEN 100 ELSE 101 END;
  INSERT INTO schedules (organization_id, name, starts_at, every, next_run_at, is_active) VALUES
    ('${ids.acme}', 'weekly', '2026-01-01Z', '7 days', '2026-01-01Z', true),
    ('${ids.acme}', 'paused', '2026-01-01Z', '1 day', '2026-01-01Z', false),
    ('${ids.birch}', 'weekly', '2026-01-01Z', '7 days', '2026-01-01Z', true);`;

const events = `
  INSERT INTO usage_events (organization_id, user_id, event_type, quantity, occurred_at) VALUES
    ('${ids.acme}', 'ann', 'api_call', 9, '2026-10-31 23:59:59.999999Z'),
    ('${ids.acme}', 'ann', 'api_call', 1000, '2026-11-01 00:00:00Z'),
    ('${ids.acme}', NULL, 'api_call', 20, '2026-11-30 23:59:59.999999Z'),
    ('${ids.acme}', 'ann', 'api_call', 7, '2026-12-01 00:00:00Z'),
    ('${ids.acme}', 'ann', 'ai_tokens_used', 400000, '2026-11-05Z'),
    ('${ids.acme}', 'bob', 'ai_tokens_used', 400000, '2026-11-25Z'),
    ('${ids.acme}', 'ann', 'user_active', 1, '2026-11-02Z'),
    ('${ids.acme}', 'ann', 'user_active', 1, '2026-11-03Z'),
    ('${ids.acme}', 'bob', 'user_active', 1, '2026-11-03Z'),
    ('${ids.acme}', NULL, 'user_active', 1, '2026-11-04Z'),
    ('${ids.acme}', NULL, 'user_active', 1, '2026-11-05Z'),
    ('${ids.acme}', 'cid', 'user_active', 1, '2026-12-02Z'),
    ('${ids.acme}', NULL, 'storage_used', 30, '2026-11-10Z'),
    ('${ids.acme}', NULL, 'storage_used', 20, '2026-11-20Z'),
    ('${ids.acme}', NULL, 'storage_used', 99, '2026-12-02Z'),
    ('${ids.cedar}', NULL, 'storage_used', 1, '2026-08-01Z'),
    ('${ids.atlas}', NULL, 'api_call', 9007199254740993, '2026-11-02Z'),
    ('${ids.atlas}', NULL, 'api_call', 9007199254740994, '2026-11-03Z'),
    ('${ids.birch}', NULL, 'ai_tokens_used', 1, '2026-11-03Z');
  INSERT INTO usage_events (organization_id, event_type, quantity, metadata, occurred_at) VALUES
    ('${ids.acme}', 'automation_run', 5, '{"automation_id": "a1"}', '2026-11-02Z'),
    ('${ids.acme}', 'automation_run', 5, '{"automation_id": "a1"}', '2026-11-03Z'),
    ('${ids.acme}', 'automation_run', 5, '{"automation_id": "a2"}', '2026-11-03Z'),
    ('${ids.acme}', 'automation_run', 5, NULL, '2026-11-04Z');`;

// Birch's plan: no row for schedules, no value for MAU, no AI tokens and no automations allowed.
const plans = `
  DELETE FROM plan_features WHERE plan = 'business' AND feature_key = 'max_schedules';
  UPDATE plan_features SET limit_value = NULL WHERE plan = 'business' AND feature_key = 'max_mau';
  UPDATE plan_features SET limit_value = 0
    WHERE plan = 'business' AND feature_key IN ('max_ai_tokens_per_month', 'max_automations');`;

/** Six organizations around November 2026, with figures that can be counted by hand. */
export async function insertUsage(session: Session): Promise<void> {
  await session.script(organizations + gauges + events + plans);
}

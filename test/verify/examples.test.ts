import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checks as dataChecks } from '../../src/reference/checks.ts';
import { checkExamples } from './check-examples.ts';
import type { Finding } from '../../src/report.ts';
import { damageChecks, openComparison, type Comparison } from '../catalog/comparison.ts';
import { reference, trialOf } from '../catalog/trial.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { splitStatements } from '../../src/sql/statements.ts';
import { createDatabase, inTurn, targets, type Database } from '../db/targets.ts';

const names = ['schema-objects', ...damageChecks, ...Object.keys(dataChecks)];
const examples = names.flatMap((check) =>
  (checkExamples[check] ?? []).map((example) => ({ check, ...example })),
);

it('has an example of every check', () => {
  expect(Object.keys(checkExamples)).toEqual(names);
});

describe.each(targets)('the checks on $name', (target) => {
  const it = inTurn(target);
  let comparison: Comparison;
  let database: Database;
  let live: Session;

  beforeAll(async () => {
    comparison = await openComparison(reference);
    database = await createDatabase(target);
    await trialOf(database.url, reference).migrateUp();
    live = await openSession(parseTarget(database.url), {
      application: 'dbops test',
      path: 'DEFAULT',
    });
  });

  afterAll(async () => {
    await Promise.all([comparison.close(), live.close()]);
    await database.drop();
  });

  const findings = () => comparison.findings(live);
  const run = async (sql: string) => {
    for (const statement of await splitStatements(sql)) await live.script(statement.sql);
  };

  it('finds nothing after the migrations', async () => {
    expect(await findings()).toEqual([]);
  });

  it('prints SQL that inserts the missing rows of plan_features, and changes no other', async () => {
    const rows = async () => {
      const found = await live.query(
        'SELECT plan, feature_key, limit_value::int, flags FROM plan_features ORDER BY 1, 2',
      );
      return found.map((row) => JSON.stringify(row));
    };
    const before = await rows();
    await run(`UPDATE plan_features SET limit_value = 7 WHERE plan = 'free' AND feature_key = 'max_mau';
      DELETE FROM plan_features WHERE plan = 'pro' AND feature_key IN ('max_seats', 'features')`);
    const missing = await findings();
    expect(missing.map(({ key }) => key)).toEqual([
      'plan-features:pro/features',
      'plan-features:pro/max_seats',
    ]);
    for (const { help } of missing) await run(help.replace(/^[^:]+: /, ''));
    expect(await findings()).toEqual([]);
    const changed = (await rows()).filter((row, at) => row !== before[at]);
    expect(changed).toEqual([
      '{"plan":"free","feature_key":"max_mau","limit_value":7,"flags":null}',
    ]);
    await run(
      `UPDATE plan_features SET limit_value = 100 WHERE plan = 'free' AND feature_key = 'max_mau'`,
    );
  });

  it('prints SQL that concerns only the users without a personal organization', async () => {
    await run(`ALTER TABLE users DISABLE TRIGGER on_auth_user_created;
      INSERT INTO users (id, email) VALUES ('lonely', 'lonely@example.com');
      ALTER TABLE users ENABLE TRIGGER on_auth_user_created;
      INSERT INTO users (id, email) VALUES ('paused', 'paused@example.com');
      DELETE FROM org_subscriptions WHERE organization_id IN (SELECT id FROM organizations WHERE owner_id = 'paused')`);
    const [finding] = await findings();
    await run(finding?.help.replace(/^[^:]+: /, '') ?? '');
    expect(await findings()).toEqual([]);
    expect(
      await live.query(`SELECT o.owner_id FROM org_subscriptions s JOIN organizations o ON o.id = s.organization_id
        WHERE o.owner_id IN ('lonely', 'paused')`),
    ).toEqual([{ owner_id: 'lonely' }]);
    const own = `(SELECT id FROM organizations WHERE owner_id IN ('lonely', 'paused'))`;
    await run(`SET session_replication_role = replica;
      DELETE FROM org_subscriptions WHERE organization_id IN ${own};
      DELETE FROM organization_members WHERE organization_id IN ${own};
      DELETE FROM organizations WHERE id IN ${own};
      DELETE FROM users WHERE id IN ('lonely', 'paused');
      RESET session_replication_role`);
  });

  it.each(examples)('reports $finding by $check, and nothing once it is fixed', async (example) => {
    await run(example.breaks);
    const found = await findings();
    expect(found.map(({ code }) => code)).toContain(example.finding);
    expect(found).toEqual(found.map((each) => complete(each)));
    expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
    await run(example.mends);
    expect(await findings()).toEqual([]);
  });

  it.each(examples)('fixes $finding with the SQL in its help', async (example) => {
    await run(example.breaks);
    const finding = (await findings()).find(({ code }) => code === example.finding);
    const sql = sqlOf(finding?.help ?? '');
    expect(sql !== undefined).toBe(!withoutSql.has(example.finding));
    await run(sql ?? example.mends);
    expect(await findings()).toEqual([]);
  });
});

/** Findings that need a decision or another command. */
const withoutSql = new Set([
  'extra-constraint',
  'extra-index',
  'extra-table',
  'missing-table',
  // No migration creates the view of its example, so it is dropped.
  'unpopulated-view',
  'users-columns',
]);

function sqlOf(help: string): string | undefined {
  return /: ((?:ALTER|BEGIN|CREATE|DROP|INSERT|REINDEX|SELECT)\b.*;)$/s.exec(help)?.[1];
}

/** A finding with every key of the contract. */
function complete(found: Finding): unknown {
  return {
    ...found,
    message: expect.stringMatching(/\S/),
    help: expect.stringMatching(/\S/),
    where: { ...found.where, object: expect.stringContaining('public.') },
  };
}

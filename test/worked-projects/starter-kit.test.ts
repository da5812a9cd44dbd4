import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { supabasePrelude } from '../../src/formats/supabase/prelude.ts';
import { inTurn, servers } from '../db/targets.ts';
import { byState } from '../migrate/project.ts';
import {
  everythingIn,
  expectWhole,
  withWorkedProject,
  type WorkedProject,
} from './worked-project.ts';

const expansion = '20251113000000__users_billing_usage_expansion';

describe.each(servers)('the starter kit on $name', (server) => {
  const it = inTurn(server, servers);
  /** A bare server has nothing of the platform that the migrations refer to. */
  const withPlatform = (test: (project: WorkedProject) => Promise<void>) =>
    withWorkedProject(server, 'starter-kit', async (project) => {
      await project.query(supabasePrelude);
      await test(project);
    });

  const withUsers = (test: (project: WorkedProject) => Promise<void>) =>
    withPlatform(async (project) => {
      await project.dbops('migrate', 'up', '--to', '20250919100018__mcp_sanity');
      await project.psql('before.sql');
      await test(project);
    });

  it('goes up whole on an empty database', () =>
    withPlatform((project) => expectWhole(project, 'supabase', 12)));

  it('goes up where there are users, who then have all that its document verifies', () =>
    withUsers(async (project) => {
      expect(byState(await project.json('migrate', 'up'))).toEqual({ done: [expansion] });
      expect(
        await project.query(
          `SELECT (SELECT count(*)::int FROM plan_features) AS features,
             (SELECT count(*)::int FROM users u WHERE NOT EXISTS (SELECT 1 FROM organizations o
               WHERE o.owner_id = u.id AND o.is_personal = true)) AS without_organization,
             (SELECT check_feature_access(owner_id, 'max_records', id) FROM organizations
               WHERE is_personal LIMIT 1) AS access,
             to_regclass('customers') AS customers`,
        ),
      ).toEqual([
        { features: 36, without_organization: 0, access: { limit: 100 }, customers: null },
      ]);
      const [recorded] = await project.query(
        `SELECT name FROM supabase_migrations.schema_migrations WHERE version = '20251113000000'`,
      );
      expect(recorded).toEqual({ name: '_users_billing_usage_expansion' });
    }));

  it('is refused where a plan was sold that is no tier, names it, and changes nothing', () =>
    withUsers(async (project) => {
      await project.psql('forbidden.sql');
      const before = await everythingIn(project);
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(1);
      expect(stderr).toContain(
        "1 row of public.org_subscriptions violates org_subscriptions_plan_check, CHECK (plan in ('free', 'pro', 'business', 'enterprise')) (id: 05000000-0000-4000-8000-000000000002)",
      );
      expect(stderr).toContain('NOT VALID;');
      expect(await everythingIn(project)).toEqual(before);

      await project.query(`UPDATE org_subscriptions SET plan = 'business' WHERE plan = 'team'`);
      expect((await project.dbops('migrate', 'up')).exitCode).toBe(0);
    }));

  it('is refused before it begins while two files have one version, as in its document', () =>
    withPlatform(async (project) => {
      const folder = join(project.root, 'supabase/migrations');
      const twins = [
        '20250101000002__billing_org_scope',
        '20250101000002__scheduling_notifications',
      ];
      renameSync(
        join(folder, '20250101000003__scheduling_notifications.sql'),
        join(folder, `${twins[1]}.sql`),
      );
      const before = await everythingIn(project);
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(2);
      for (const name of twins) expect(stderr).toContain(name);
      expect(byState(await project.json('migrate', 'status'))).toMatchObject({ duplicate: twins });
      expect(await everythingIn(project)).toEqual(before);
    }));
});

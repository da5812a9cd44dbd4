import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { byState, type Project } from '../migrate/project.ts';
import {
  everythingIn,
  expectWhole,
  withWorkedProject,
  type WorkedProject,
} from './worked-project.ts';

const blizzard = '0006_cloudy_blizzard';

describe.each(servers)('the e-commerce project on $name', (server) => {
  const it = inTurn(server, servers);
  const withShop = (test: (project: WorkedProject) => Promise<void>) =>
    withWorkedProject(server, 'e-commerce', async (project) => {
      await project.dbops('migrate', 'up', '--to', '0005_bent_inhumans');
      await project.psql('before.sql');
      await test(project);
    });

  it('goes up whole on an empty database', () =>
    withWorkedProject(server, 'e-commerce', (project) => expectWhole(project, 'drizzle', 7)));

  it('is refused where there are sales, counts them, and changes nothing', () =>
    withShop(async (project) => {
      const before = await everythingIn(project);
      const { exitCode, stdout, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(1);
      expect(stdout).toContain(`✗ ${blizzard}`);
      for (const line of [
        `error ${blizzard} failed. It was rolled back`,
        '3 rows of public.content_access have no organization_id',
        'Also: 2 rows of public.purchases have no organization_id',
        'Also: 2 rows of public.purchases have no stripe_payment_intent_id',
        'dbops backfill run organization-id',
        'ALTER TABLE "public"."purchases" ALTER COLUMN "organization_id" SET NOT NULL;',
      ])
        expect(stderr).toContain(line);
      expect(await everythingIn(project)).toEqual(before);
      expect(byState(await project.json('migrate', 'status'))).toMatchObject({
        pending: [blizzard],
      });
    }));

  it('goes up with the printed fix: expand, backfill, contract', () =>
    withShop(async (project) => {
      takeWayOut(project);
      expect((await project.dbops('migrate', 'up', '--to', blizzard)).exitCode).toBe(0);
      const backfill = await project.dbops('backfill', 'run', 'organization-id');
      expect(backfill).toMatchObject({ exitCode: 0 });
      await project.query(`UPDATE purchases SET stripe_payment_intent_id = 'pi_' || id`);
      expect(byState(await project.json('migrate', 'up'))).toEqual({
        done: ['0007_calm_keystone'],
      });
      expect((await project.dbops('migrate', 'status', '--check')).exitCode).toBe(0);
      expect(await strayRows(project)).toEqual([]);
    }));

  it('keeps what is committed when the backfill was forgotten, and says so', () =>
    withShop(async (project) => {
      takeWayOut(project);
      const { exitCode, stdout, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(
        /✓ 0006_cloudy_blizzard[^]*✗ 0007_calm_keystone[^]*1 of 2 migrations applied/,
      );
      expect(stderr).toContain(
        '3 rows of public.content_access have no organization_id (id: 0d000000-',
      );
      expect(byState(await project.json('migrate', 'status'))).toMatchObject({
        applied: expect.arrayContaining([blizzard]),
        pending: ['0007_calm_keystone'],
      });
    }));
});

/** Lays the files of the way out over those that were refused. */
function takeWayOut({ root }: Project): void {
  const copy = (from: string, to: string) =>
    cpSync(join(root, 'way-out', from), join(root, 'drizzle', to));
  for (const file of ['0006_cloudy_blizzard.sql', '0007_calm_keystone.sql']) copy(file, file);
  copy('journal.json', 'meta/_journal.json');
}

/** Sales that are of another organization than their content. */
function strayRows({ query }: Project) {
  return query(
    `SELECT sale.id FROM (SELECT id, content_id, organization_id FROM content_access
        UNION ALL SELECT id, content_id, organization_id FROM purchases) sale
      JOIN content ON content.id = content_id
      WHERE sale.organization_id IS DISTINCT FROM content.organization_id`,
  );
}

import { describe, expect, it, vi } from 'vitest';
import { inTurn, newest, servers } from '../db/targets.ts';
import { until, withClient, type Project } from '../migrate/project.ts';
import { definition, purchases, withShop } from './shop.ts';

vi.setConfig({ testTimeout: 60_000 });

const status = (project: Project, name = purchases) => project.json('backfill', 'status', name);

/** The progress of a run that writes 4,000 rows per second, once it has written some. */
function halfway(project: Project, name = purchases) {
  return until(async () => {
    const now = await status(project, name);
    return now['state'] === 'running' && Number(now['rowsChanged']) > 4_000 ? now : undefined;
  });
}

describe.each(servers)('the progress of a backfill on $name', (server) => {
  const it = inTurn(server, servers);
  it('advances within a window of pages, on a table that was never analyzed', () =>
    withShop(server, { purchases: 20_000 }, async (project) => {
      await project.query(
        'CREATE TABLE copied AS TABLE purchases; DROP TABLE purchases; ALTER TABLE copied RENAME TO purchases',
      );
      const done = project.dbops('backfill', 'run', ...definition, '--max-rate', '4000');
      const now = await halfway(project);
      expect(now['percent']).toBeGreaterThan(10);
      expect(now['percent']).toBeLessThan(100);
      expect(now['rowsDone']).toBeGreaterThanOrEqual(Number(now['rowsChanged']));
      expect(now['rowsTotal']).toBeGreaterThan(10_000);
      expect(now['rowsTotal']).toBeLessThan(40_000);
      expect(now['etaSeconds']).toBeGreaterThan(0);
      const { exitCode } = await done;
      expect(exitCode).toBe(0);
      expect(await status(project)).toMatchObject({
        percent: 100,
        rowsDone: 20_000,
        etaSeconds: 0,
      });
    }));

  it('advances with the keys of a table that is not a heap', () =>
    withShop(server, { purchases: 60_000 }, async (project) => {
      await project.query(`CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
        CREATE TABLE other (id int PRIMARY KEY, note text, organization_id int) USING heap2;
        INSERT INTO other SELECT id, note FROM purchases`);
      const words = ['--table', 'other', '--set', 'organization_id = id', '--max-rate', '20000'];
      const done = project.json('backfill', 'run', ...words);
      const now = await until(async () => {
        const seen = await status(project, 'other.organization_id');
        return Number(seen['rowsChanged']) > 25_000 ? seen : undefined;
      });
      expect(now['percent']).toBeGreaterThan(20);
      expect(now['percent']).toBeLessThan(100);
      expect(await done).toMatchObject({ exitCode: 0, rowsDone: 60_000 });
    }));

  it('is unknown before the first batch, not zero seconds', () =>
    withShop(server, { purchases: 100 }, (project) =>
      withClient(project.url, async (client) => {
        await client.query('BEGIN; LOCK TABLE purchases IN ROW EXCLUSIVE MODE');
        const done = project.json('backfill', 'run', ...definition);
        const now = await until(async () => {
          const seen = await status(project);
          return seen['state'] === 'running' ? seen : undefined;
        });
        expect(now).toMatchObject({ percent: 0, etaSeconds: null });
        await client.query('COMMIT');
        expect(await done).toMatchObject({ exitCode: 0 });
      }),
    ));
});

describe.each(newest)('the statement timeout of a role on $name', (server) => {
  it('gives way to --statement-timeout, whose default is no limit', () =>
    withShop(server, { purchases: 600 }, async (project) => {
      // Reading the table takes six times as long as the role allows.
      await project.query(`CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql AS
          $$ BEGIN PERFORM pg_sleep(0.001); RETURN $1; END $$;
        DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 100', current_database()); END $$`);
      const words = ['--table', 'purchases', '--set', 'organization_id = id'];
      const where = ['--where', 'slow(id) > 0'];
      const run = ['backfill', 'run', ...words, ...where];
      expect(await project.json(...run)).toMatchObject({ exitCode: 0, rowsDone: 600 });
      const cut = await project.json(...run, '--dry-run', '--statement-timeout', '150ms');
      expect(cut).toMatchObject({ exitCode: 1, error: { code: 'DATABASE.57014' } });
    }));
});

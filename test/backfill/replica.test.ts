import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, startStandby, type RunningServer } from '../db/server.ts';
import { giveTo, reachableTemp, serverUser } from '../db/server-user.ts';
import { newest } from '../db/targets.ts';
import { until } from '../migrate/project.ts';
import { definition, purchases, withShop, wrongIn } from './shop.ts';

describe.each(newest)('a backfill beside a replica, on $name', ({ major }) => {
  let folder: string;
  let primary: RunningServer;
  let standby: Awaited<ReturnType<typeof startStandby>>;

  beforeAll(async () => {
    const user = serverUser();
    folder = await mkdtemp(join(reachableTemp(user), 'dbops-test-replica-'));
    giveTo(user, folder);
    primary = await startServer(major, folder, user);
    standby = await startStandby(primary, folder, user);
  });

  afterAll(async () => {
    await Promise.all([standby?.stop(), primary?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  const onStandby = async (sql: string) => {
    const client = new pg.Client(standby.adminUrl);
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };

  // Less than 16 MB of WAL is no lag: it is what streams at any time.
  it('pauses while the replica lags, reports it, and continues afterwards', () =>
    withShop(primary.server, { purchases: 300_000 }, async (project) => {
      // It asks for WAL only once it has replayed its copy, and never while it is paused.
      await until(async () => (await project.query('SELECT FROM pg_stat_replication')).length > 0);
      await onStandby('SELECT pg_wal_replay_pause()');
      const run = project.json(
        'backfill',
        'run',
        purchases,
        ...definition,
        '--max-lag',
        '500ms',
        '--max-rate',
        '60000',
      );
      const waiting = await until(async () => {
        const status = await project.json('backfill', 'status', purchases);
        return /replica/.test(String(status['reason'])) && status;
      });
      expect(waiting).toMatchObject({
        state: 'running',
        reason: expect.stringMatching(/^paused: a replica lags .* behind$/),
      });
      expect(Number({ ...waiting }['rowsChanged'])).toBeLessThan(300_000);
      await onStandby('SELECT pg_wal_replay_resume()');
      expect(await run).toMatchObject({ exitCode: 0, rowsChanged: 300_000 });
      expect(await wrongIn(project)).toBe(0);
    }));
});

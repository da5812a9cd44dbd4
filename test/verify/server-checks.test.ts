import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWithFixedSettings } from '../../src/catalog/snapshot.ts';
import { diagnose } from '../../src/db/diagnosis.ts';
import { writeLabel } from '../../src/db/meta.ts';
import { endOfLife } from '../../src/db/server-health.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { checks } from '../../src/verify/checks/index.ts';
import { thresholdsSchema } from '../../src/verify/declaration.ts';
import { runCatalogue } from '../../src/verify/run-catalogue.ts';
import { startServer, type RunningServer } from '../db/server.ts';
import { giveTo, reachableTemp, serverUser } from '../db/server-user.ts';
import { openDatabase } from '../db/session.ts';
import { servers, targets } from '../db/targets.ts';

const ofServer = checks.filter(({ group }) => group === 'server');

/** Findings of the group as `severity key`, with a limit for transactions and slots in milliseconds. */
async function findingsOf(session: Session, limit: number, isReplay = false): Promise<string[]> {
  const thresholds = thresholdsSchema.parse({ longTransaction: limit });
  const found = await readWithFixedSettings(session, () =>
    runCatalogue(ofServer, { session, isReplay, thresholds, replicas: [] }),
  );
  return found.map(({ severity, key }) => `${severity} ${key}`);
}

const unsafe = ['fsync', 'full_page_writes'];

// Slots and settings belong to a whole server, which other tests use too.
describe.each(servers)('the checks of the server on $name', ({ major }) => {
  let folder: string;
  let running: RunningServer;
  let session: Session;

  const connect = (user = 'postgres') => {
    const url = new URL(running.server.adminUrl);
    url.username = user;
    return openSession(parseTarget(url.href), { application: 'shop', path: 'DEFAULT' });
  };

  beforeAll(async () => {
    const user = serverUser();
    folder = await mkdtemp(join(reachableTemp(user), 'dbops-test-health-'));
    giveTo(user, folder);
    running = await startServer(major, folder, user);
    session = await connect();
  });

  afterAll(async () => {
    await session?.close();
    await running?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('report settings that risk the cluster: as info on this machine, as errors in production', async () => {
    expect(await findingsOf(session, 0)).toEqual(
      unsafe.map((name) => `info durability-off:${name}`),
    );
    await writeLabel(session, { name: 'production', isProtected: true });
    expect(await findingsOf(session, 0)).toEqual(
      unsafe.map((name) => `error durability-off:${name}`),
    );
    await session.script('DROP SCHEMA dbops CASCADE');
  });

  it('report transactions that are open for too long, prepared ones and unread slots', async () => {
    const other = await connect();
    await other.script(`BEGIN; CREATE TABLE t (id int); PREPARE TRANSACTION 'left'`);
    await other.script(`SELECT pg_create_physical_replication_slot('unread', true),
      pg_create_physical_replication_slot('empty')`);
    await other.script('BEGIN; SELECT 1');
    const settings = unsafe.map((name) => `info durability-off:${name}`);
    expect(await findingsOf(session, 0)).toEqual([
      ...settings,
      'warning long-transaction:postgres/shop',
      'warning prepared-transaction:left',
      'warning inactive-slot:unread',
    ]);
    // Older servers do not say since when a slot is inactive.
    const sinceWhen = major < 17 ? ['warning inactive-slot:unread'] : [];
    expect(await findingsOf(session, 3_600_000)).toEqual([...settings, ...sinceWhen]);
    await other.script('ROLLBACK');
    await other.script(`ROLLBACK PREPARED 'left'`);
    await other.script('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
    await other.close();
    expect(await findingsOf(session, 0)).toEqual(settings);
  });

  it('know the last release of the version, as doctor does', async () => {
    const later = await diagnose(session, () => new Date('2099-01-01'));
    expect(later.find(({ name }) => name === 'version')).toMatchObject({
      state: 'warn',
      detail: expect.stringContaining('no corrections since'),
    });
    const now = await diagnose(session, () => new Date('2026-11-29'));
    expect(now.find(({ name }) => name === 'version')).toMatchObject({ state: 'ok' });
  });

  it('report that the transactions of other roles are hidden', async () => {
    const other = await connect();
    await other.script('CREATE ROLE reader LOGIN');
    const reader = await connect('reader');
    expect(await findingsOf(reader, 0)).toContain('info not-checked:long-transaction');
    await reader.close();
    await other.script('GRANT pg_read_all_stats TO reader');
    const monitor = await connect('reader');
    expect(await findingsOf(monitor, 0)).not.toContain('info not-checked:long-transaction');
    await monitor.close();
    await other.close();
  });
});

const embedded = targets.filter(({ kind }) => kind === 'pglite');

describe.each(embedded)('the checks of the server on $name', (target) => {
  it('find nothing', async () => {
    const { session, end } = await openDatabase(target);
    expect(await findingsOf(session, 0)).toEqual([]);
    await end();
  });
});

describe('the last release of a major version', () => {
  it('ends the support on the day after it', () => {
    expect(endOfLife(13, '2026-11-29')).toBe('2025-11-13');
    expect(endOfLife(15, '2027-11-11')).toBeUndefined();
    expect(endOfLife(15, '2027-11-12')).toBe('2027-11-11');
    expect(endOfLife(99, '2090-01-01')).toBeUndefined();
  });
});

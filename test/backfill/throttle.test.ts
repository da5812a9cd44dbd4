import { randomUUID } from 'node:crypto';
import { describe, expect } from 'vitest';
import { createState } from '../../src/backfill/store.ts';
import { createThrottle, type Throttle, type ThrottleInput } from '../../src/backfill/throttle.ts';
import type { Session } from '../../src/db/session.ts';
import { withSession } from '../db/session.ts';
import { inTurn, servers, withDatabase } from '../db/targets.ts';
import { until, withClient } from '../migrate/project.ts';

/** Roles belong to the server, which other tests use at the same time. */
const unprivileged = `role_${randomUUID().replaceAll('-', '')}`;

const generous = { maxLag: 10_000, maxWalRate: 1e12 };

async function withThrottle(
  observer: Session,
  input: Partial<ThrottleInput>,
  work: (throttle: Throttle) => Promise<void>,
): Promise<void> {
  await observer.script(`${createState};
    INSERT INTO dbops.backfills (name, hash, definition, state) VALUES ('b', '', '{}', 'running')`);
  const throttle = await createThrottle({
    name: 'b',
    observer,
    isShared: false,
    pids: [],
    relations: [],
    limits: generous,
    signal: new AbortController().signal,
    onWait: () => {},
    ...input,
  });
  try {
    await work(throttle);
  } finally {
    await throttle.stop();
  }
}

describe.each(servers)('a run on $name', (server) => {
  const it = inTurn(server, servers);
  it('slows down while a session waits for one of its locks, and reports it', () =>
    withDatabase(server, (url) =>
      withSession(url, (observer) =>
        withClient(url, (worker) =>
          withClient(url, async (application) => {
            await worker.query('CREATE TABLE t (id int); INSERT INTO t VALUES (1)');
            const { rows } = await worker.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
            await withThrottle(observer, { pids: rows.map(({ pid }) => pid) }, async (throttle) => {
              // A commit may be slow on a busy machine; that passes.
              await until(async () => throttle.reason() === undefined);
              await worker.query('BEGIN; UPDATE t SET id = 2');
              const waiting = application.query('UPDATE t SET id = 3');
              await until(async () => throttle.isBlockingOthers());
              expect(throttle.reason()).toBe('slowed down: 1 session is waiting for its locks');
              await worker.query('COMMIT');
              await waiting;
              await until(async () => !throttle.isBlockingOthers());
              await until(async () => throttle.reason() === undefined);
            });
          }),
        ),
      ),
    ));

  it('slows down while the server writes too much WAL', () =>
    withDatabase(server, (url) =>
      withSession(url, (observer) =>
        withClient(url, (application) =>
          withThrottle(
            observer,
            { limits: { ...generous, maxWalRate: 1_000 } },
            async (throttle) => {
              await application.query('CREATE TABLE t AS SELECT generate_series(1, 1000) AS id');
              const reason = await until(async () =>
                [throttle.reason()].find((each) => each?.includes('WAL')),
              );
              expect(reason).toMatch(
                /^slowed down: the server writes [\d,]+ MB of WAL per second$/,
              );
            },
          ),
        ),
      ),
    ));

  it('measures what a commit takes before and during the run', () =>
    withDatabase(server, (url) =>
      withSession(url, (observer) =>
        withThrottle(observer, {}, async (throttle) => {
          expect(throttle.pacing().idle).toBeGreaterThan(0);
          await until(async () => throttle.pacing().slowest > 0);
        }),
      ),
    ));

  it('is not paced for a role that may not write the message of the measurement', () =>
    withDatabase(server, (url) =>
      withSession(url, async (observer) => {
        await observer.script(`REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text${server.major < 17 ? '' : ', boolean'}) FROM PUBLIC;
          CREATE ROLE ${unprivileged}; GRANT CREATE ON DATABASE ${new URL(url).pathname.slice(1)} TO ${unprivileged}; SET ROLE ${unprivileged}`);
        await withThrottle(observer, {}, async (throttle) => {
          await throttle.pass({ rows: 1, milliseconds: 1 });
          expect(throttle.pacing()).toEqual({ paused: 0, idle: 0, slowest: 0 });
        }).finally(() =>
          observer.script(`RESET ROLE; DROP OWNED BY ${unprivileged}; DROP ROLE ${unprivileged}`),
        );
      }),
    ));
});

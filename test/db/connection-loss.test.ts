import { describe, expect, it } from 'vitest';
import { codeOf, isConnectionLoss } from '../../src/db/connection-error.ts';
import { withSession } from './session.ts';
import { newest, targets, withDatabase } from './targets.ts';

const errorOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each(targets)('an open connection to $name', (target) => {
  it('reports every query after its loss as a lost connection', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        const running = errorOf(session.script('SELECT pg_sleep(30)'));
        session.abandon();
        const errors = [
          await running,
          await errorOf(session.query('SELECT 1')),
          await errorOf(session.script('SELECT 1')),
          await errorOf(session.client.query('SELECT 1')),
        ];
        expect(errors.map(codeOf)).toEqual(Array(4).fill('ECONNRESET'));
        expect(errors.map(isConnectionLoss)).toEqual(Array(4).fill(true));
      }),
    ));

  it('does not take a failed statement for a lost connection', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        const raise = `DO $$ BEGIN RAISE EXCEPTION 'Connection terminated unexpectedly'; END $$`;
        const errors = [await errorOf(session.query(raise)), await errorOf(session.script(raise))];
        expect(errors.map(codeOf)).toEqual(['P0001', 'P0001']);
        expect(errors.map(isConnectionLoss)).toEqual([false, false]);
      }),
    ));
});

describe.each(newest)('a connection to $name that the server ends', (server) => {
  it('has the SQLSTATE of the server', () =>
    withDatabase(server, (url) =>
      withSession(url, async (session) => {
        const error = await errorOf(
          session.script(`SELECT pg_terminate_backend(pg_backend_pid())`),
        );
        expect(isConnectionLoss(error)).toBe(true);
        expect(isConnectionLoss(await errorOf(session.query('SELECT 1')))).toBe(true);
      }),
    ));
});

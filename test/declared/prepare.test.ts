import { describe, expect, it } from 'vitest';
import { codeOf, isConnectionLoss } from '../../src/db/connection-error.ts';
import { readOnly, type Session } from '../../src/db/session.ts';
import { prepareExpressions } from '../../src/declared/prepare.ts';
import { prepareTyped } from '../../src/declared/types.ts';
import { DbopsError } from '../../src/errors.ts';
import { withSession } from '../db/session.ts';
import { newest, withDatabase } from '../db/targets.ts';

const expressionsOf = (...all: [place: string, sql: string, from: string][]) =>
  all.map(([place, sql, from]) => ({ place, sql, from: { place: `${place}.from`, sql: from } }));

/** The server evaluates an immutable function while it plans. */
const functions = `CREATE TABLE rows_of (id int);
  CREATE FUNCTION slow() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN 1; END';
  CREATE FUNCTION gone() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN 1; END';`;

describe.each(newest)('prepared expressions on $name', (target) => {
  const inDatabase = (test: (session: Session) => Promise<void>) =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        await session.script(functions);
        await test(session);
      }),
    );

  const thrownBy = (session: Session, sql: string) =>
    readOnly(session, () => prepareExpressions(session, expressionsOf(['x', sql, 'rows_of']))).then(
      () => undefined,
      (error: unknown) => error,
    );

  it('have their types in the order of the declaration, whatever their tables', () =>
    inDatabase(async (session) => {
      const [a, b, c] = ['rows_of', 'rows_of r', 'rows_of'];
      const types = await readOnly(session, () =>
        prepareTyped(
          session,
          expressionsOf(
            ['one', 'id', a],
            ['two', 'now()', b],
            ['three', "'text -- '", c],
            ['four', 'r.id > 1 -- remark', b],
          ).map((each) => ({ ...each, expects: 'any' as const })),
        ),
      );
      expect([...types].map(([place, { name }]) => `${place} ${name}`)).toEqual([
        'one integer',
        'two timestamp with time zone',
        'three text',
        'four boolean',
      ]);
    }));

  it('do not hide a timeout, which would be waited for once more with each of them', () =>
    inDatabase(async (session) => {
      await session.script(`SET statement_timeout = '300ms'`);
      const started = Date.now();
      const error = await thrownBy(session, 'slow()');
      expect(error).not.toBeInstanceOf(DbopsError);
      expect(codeOf(error)).toBe('57014');
      expect(Date.now() - started).toBeLessThan(600);
    }));

  it('do not hide a lost connection', () =>
    inDatabase(async (session) => {
      const error = await thrownBy(session, 'gone()');
      expect(error).not.toBeInstanceOf(DbopsError);
      expect(isConnectionLoss(error)).toBe(true);
    }));
});

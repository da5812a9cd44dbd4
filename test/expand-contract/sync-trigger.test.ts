import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/db/session.ts';
import { syncTrigger, temporaryName } from '../../src/expand-contract/sync-trigger.ts';
import { cases } from '../cases.ts';
import { newest, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

const oldValues = fc.constantFrom('1.0', '1.00', ' 7 ', '7', 'none', '', '1e3', 'NaN', null);
const newValues = fc.constantFrom('1.0', '1.00', '7', '1000', 'NaN', '-3.50', null);
const write = fc.record(
  { a: oldValues, b: newValues, other: fc.constant('1') },
  { requiredKeys: [] },
);
type Write = Partial<Record<'a' | 'b' | 'other', string | null>>;

/** What a statement must leave: the new column wins where it was written, and a value that does not convert is NULL. */
const expectedSql = `SELECT CASE WHEN wins THEN w::text ELSE v END AS a, CASE WHEN wins THEN w ELSE forth(v) END::text AS b
  FROM (SELECT v, w, written AND ROW(w)::record *<> ROW(forth(v))::record AS wins
          FROM (SELECT $1::text AS v, $2::numeric AS w, $3::boolean AS written) given) decided`;

const tables = `CREATE TABLE t (id int PRIMARY KEY, a text, b numeric, other int);
  CREATE FUNCTION forth(given text) RETURNS numeric LANGUAGE plpgsql AS
    'BEGIN RETURN given::numeric; EXCEPTION WHEN OTHERS THEN RETURN NULL; END'`;

interface Row extends Record<string, unknown> {
  a: string | null;
  b: string | null;
}

describe.each(newest)('the trigger of a replaced column on $name', (server) => {
  it('makes both columns follow each other, whichever is written', () =>
    withDatabase(server, (url) =>
      withSession(url, async (session) => {
        const conversion = { forth: '(a)::numeric', back: '(b)::text', mayFail: true };
        const trigger = syncTrigger({ table: { name: 't' }, old: 'a', to: 'b', conversion });
        await session.script([tables, ...trigger].join(';\n'));
        const unsynced = fc.record({ a: oldValues });
        await fc.assert(
          fc.asyncProperty(unsynced, fc.array(write, { maxLength: 6 }), async (before, writes) => {
            await session.script('TRUNCATE t; SET session_replication_role = replica');
            await session.query('INSERT INTO t VALUES (1, $1)', [before.a]);
            await session.script('RESET session_replication_role');
            let row: Row = { a: before.a, b: null };
            for (const each of writes) row = await updated(session, row, each);
            const [first = {}] = writes;
            await inserted(session, first);
          }),
          { numRuns: cases(40) },
        );
      }),
    ));
});

async function updated(session: Session, before: Row, change: Write): Promise<Row> {
  const sets = Object.keys(change).map((column, at) => `${column} = $${at + 1}`);
  if (sets.length === 0) return before;
  const [after] = await session.query<Row>(
    `UPDATE t SET ${sets.join(', ')} RETURNING a, b::text`,
    Object.values(change),
  );
  const { a = before.a, b = before.b } = change;
  const isSame = a === before.a && b === before.b;
  const expected = isSame ? before : await expectedAfter(session, [a, b, b !== before.b]);
  expect({ before, change, after }).toEqual({ before, change, after: expected });
  return after ?? before;
}

async function inserted(session: Session, { a = null, b = null }: Write): Promise<void> {
  const [after] = await session.query<Row>(
    'INSERT INTO t VALUES (2, $1, $2) RETURNING a, b::text',
    [a, b],
  );
  const expected = await expectedAfter(session, [a, b, b !== null]);
  expect({ a, b, after }).toEqual({ a, b, after: expected });
}

async function expectedAfter(session: Session, values: unknown[]): Promise<Row | undefined> {
  const [row] = await session.query<Row>(expectedSql, values);
  return row;
}

describe('temporaryName', () => {
  it('keeps to 63 bytes, cuts no character and avoids names in use', () => {
    const long = 'ü'.repeat(31);
    const taken = new Set(['t_key_new']);
    expect(temporaryName('t_key', taken)).toBe('t_key_new2');
    expect(temporaryName('t_key', taken)).toBe('t_key_new3');
    const shortened = temporaryName(long, taken);
    expect(shortened).toBe(`${'ü'.repeat(29)}_new`);
    expect(Buffer.byteLength(shortened)).toBeLessThanOrEqual(63);
  });
});

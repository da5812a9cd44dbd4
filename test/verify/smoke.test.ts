import { describe, expect, it } from 'vitest';
import { probesSchema } from '../../src/verify/smoke/definition.ts';
import { probesOf } from '../../src/verify/smoke/read.ts';
import { runProbe } from '../../src/verify/smoke/run.ts';
import { migrated, reference } from '../catalog/trial.ts';
import { withSession } from '../db/session.ts';
import { targets, withDatabase } from '../db/targets.ts';

const schema = `CREATE TABLE note (id int PRIMARY KEY, owner text NOT NULL, body text CHECK (body <> ''));
  ALTER TABLE note ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON note USING (owner = current_setting('app.user', true));
  CREATE TABLE child (id int, note int REFERENCES note DEFERRABLE INITIALLY DEFERRED);
  INSERT INTO note VALUES (1, 'ada', 'hello'), (2, 'bob', 'hi')`;

/** Creates a role that is rolled back as well. */
const asUser = {
  given: `CREATE ROLE probe_user; GRANT SELECT, INSERT ON note TO probe_user; GRANT probe_user TO CURRENT_USER;`,
  as: 'probe_user',
};

const probes = {
  'empty-body': { sql: `INSERT INTO note VALUES (3, 'ada', '')`, fails: '23514' },
  'body-constraint': {
    sql: `INSERT INTO note VALUES (3, 'ada', '')`,
    fails: '23514',
    constraint: 'note_body_check',
  },
  'other-constraint': {
    sql: `INSERT INTO note VALUES (3, 'ada', '')`,
    fails: '23514',
    constraint: 'another',
  },
  'deferred-key': { sql: 'INSERT INTO child VALUES (1, 99)', fails: '23503' },
  'other-error': { sql: `INSERT INTO note VALUES (1, 'ada', 'x')`, fails: '23514' },
  accepted: { sql: `INSERT INTO note VALUES (3, 'ada', 'x')`, fails: '23514' },
  changed: { sql: `UPDATE note SET body = 'x'`, returns: 2 },
  unchanged: { sql: `UPDATE note SET body = 'x' WHERE id = 9`, returns: 1 },
  'hidden-from-bob': {
    ...asUser,
    settings: { 'app.user': 'bob' },
    sql: 'SELECT owner, id, body IS NULL AS empty FROM note',
    returns: [{ id: 2, owner: 'bob', empty: false }],
  },
  'seen-by-nobody': { ...asUser, sql: 'SELECT * FROM note', returns: 0 },
  'seen-by-owner': { sql: 'SELECT * FROM note', returns: 0 },
  'second-statement': { sql: `DELETE FROM child; SELECT 1 AS one`, returns: [{ one: 1 }] },
  'without-role': { as: 'nobody_here', sql: 'SELECT 1' },
  'broken-preparation': { given: 'INSERT INTO missing VALUES (1)', sql: 'SELECT 1' },
  severity: { severity: 'warning', summary: 'Nothing is there.', sql: 'TABLE note', returns: 0 },
};

describe.each(targets)('probes on $name', (target) => {
  it('judge what statements do, and leave nothing behind', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        await session.alone(`SET search_path = public`);
        for (const statement of schema.split(';')) await session.alone(statement);
        const state = async () =>
          JSON.stringify([
            await session.query('SELECT * FROM public.note ORDER BY id'),
            await session.query('SELECT count(*)::int FROM public.child'),
            await session.query(`SELECT FROM pg_roles WHERE rolname = 'probe_user'`),
            await session.query(`SELECT current_user, current_setting('app.user', true) AS app`),
          ]);
        const before = await state();
        const found: Record<string, string> = {};
        for (const probe of await probesOf(probesSchema.parse(probes), [])) {
          const finding = await runProbe(session, probe, 1_000);
          if (finding) found[finding.key] = `${finding.severity} ${finding.message}`;
        }
        expect(await state().then((after) => after.replace('"app":""', '"app":null'))).toBe(before);
        expect(found).toMatchInlineSnapshot(`
          {
            "accepted": "error accepted: Expected SQLSTATE 23514; it succeeded.",
            "not-checked:broken-preparation": "warning broken-preparation was not checked: it could not be prepared: SQLSTATE 42P01: relation "missing" does not exist",
            "not-checked:without-role": "warning without-role was not checked: it could not be prepared: SQLSTATE 22023: role "nobody_here" does not exist",
            "other-constraint": "error other-constraint: Expected SQLSTATE 23514 of another; it failed: SQLSTATE 23514: new row for relation "note" violates check constraint "note_body_check"",
            "other-error": "error other-error: Expected SQLSTATE 23514; it failed: SQLSTATE 23505: duplicate key value violates unique constraint "note_pkey" Detail: Key (id)=(1) already exists.",
            "seen-by-owner": "error seen-by-owner: Expected 0 rows; it returned 2 rows.",
            "severity": "warning Nothing is there: Expected 0 rows; it returned 2 rows.",
            "unchanged": "error unchanged: Expected 1 row; it returned 0 rows.",
          }
        `);
      }),
    ));
});

describe('probes of the configuration', () => {
  it('are refused all at once where they would not be rolled back', async () => {
    const declared = probesSchema.parse({
      commits: { sql: 'INSERT INTO note VALUES (1); COMMIT' },
      'begins-first': { given: 'BEGIN', sql: 'SELECT 1' },
      syntax: { sql: 'SELEC 1' },
      copies: { sql: 'COPY note FROM STDIN' },
      'no-primary-key': { sql: 'SELECT 1' },
      mine: { sql: 'SELECT 1' },
      empty: { sql: '-- nothing' },
    });
    await expect(probesOf(declared, ['mine'])).rejects.toMatchObject({
      code: 'PROBES.INVALID',
      reason: [
        'probes.commits.sql: controls the transaction: COMMIT',
        'probes.begins-first.given: controls the transaction: BEGIN',
        expect.stringContaining('probes.syntax.sql: syntax error'),
        expect.stringContaining('SELEC 1'),
        expect.stringContaining('^'),
        'probes.copies.sql: reads rows from the input of psql: COPY note FROM STDIN',
        'probes.no-primary-key: a check has this name',
        'probes.mine: a check has this name',
        'probes.empty.sql: no statement',
      ],
    });
  });

  it.each([
    [{ fails: '23514', returns: 1 }, 'give fails or returns'],
    [{ constraint: 'a' }, 'constraint needs fails'],
    [{ fails: 'check' }, 'expected an SQLSTATE such as 23514'],
  ])('reject %j', (outcome, message) => {
    const { error } = probesSchema.safeParse({ one: { sql: 'SELECT 1', ...outcome } });
    expect(error?.issues.map((issue) => issue.message)).toEqual([message]);
  });
});

describe.each(targets.slice(0, 1))('verify smoke on $name', (target) => {
  it('runs the probes of the bundled application only where they are named', () =>
    migrated(target, reference, async ({ sql, verify }) => {
      expect(await verify({ words: ['smoke'] })).toMatchObject({
        exitCode: 0,
        findings: [],
        probes: { declared: 7, run: 7 },
      });
      expect(await verify()).not.toHaveProperty('probes');
      await sql('ALTER TABLE purchases DROP CONSTRAINT check_amount_positive');
      expect(await verify({ words: ['smoke'] })).toMatchObject({
        exitCode: 4,
        findings: [{ code: 'negative-amount', severity: 'error' }],
      });
    }));
});

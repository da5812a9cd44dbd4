import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hidesRows } from '../../src/db/row-security.ts';
import { readOnly, type Session } from '../../src/db/session.ts';
import { withEquals } from '../../src/reports/credits/declared.ts';
import { creditsExpressions } from '../../src/reports/credits/expressions.ts';
import { creditsSchema, type Credits } from '../../src/reports/credits/definition.ts';
import { reconcileFindings } from '../../src/reports/reconcile/findings.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { app, targets } from '../db/targets.ts';
import { dataOf, formsOf, ledgerOf, linesOf, reconcileOf } from './declared.ts';

// Wallets by currency, with numeric keys of entries; every entry at one time, and every oddity.
const hostile = String.raw`E'=1+1\u001b[2J,"x"\nforged'`;
const rows = `
  CREATE TABLE account (id bigint PRIMARY KEY, name text, closed boolean NOT NULL DEFAULT false);
  INSERT INTO account VALUES (1, 'ann'), (2, ${hostile}), (3, 'closed'), (4, 'dee'), (5, 'eve'), (6, 'fay');
  UPDATE account SET closed = true WHERE id = 3;
  CREATE TABLE wallet (account_id bigint, currency text, amount numeric);
  INSERT INTO wallet VALUES
    (1, 'eur', 12.50), (1, 'usd', 3), (2, 'eur', 9223372036854775808), (3, 'eur', 99), (4, 'eur', NULL),
    (4, 'usd', 'NaN'), (5, NULL, 7), (6, 'eur', 0), (6, 'usd', 1), (6, 'usd', 1), (NULL, 'eur', 1);
  CREATE TABLE entry (id bigint PRIMARY KEY, account_id text, currency varchar(3), amount numeric, done boolean, at timestamptz);
  INSERT INTO entry VALUES
    (1, '1', 'eur', 10, true, '2026-02-01Z'), (2, '1', 'eur', 2.5, true, '2026-02-01Z'),
    (3, '1', 'eur', -0.25, true, '2026-02-01Z'), (4, '1', 'eur', 100, NULL, '2026-02-01Z'),
    (10, '1', 'usd', 3, true, '2026-02-01Z'),
    (20, '2', 'eur', 9223372036854775807, true, '2026-02-01Z'), (21, '2', 'eur', 9223372036854775807, true, '2026-02-02Z'),
    (40, '4', 'usd', 1, true, '2026-02-01Z'),
    (50, '5', NULL, 7, true, '2026-02-01Z'), (51, '5', 'eur', 'NaN', true, '2026-02-01Z'),
    (52, '5', 'usd', NULL, true, '2026-02-01Z'),
    (60, '6', 'usd', 2, true, '2026-02-01Z'), (61, '6', 'eur', 4, true, '2026-02-03Z'),
    (70, NULL, 'eur', 5, true, '2026-02-01Z'), (80, '8', 'eur', 5, true, '2026-02-01Z'),
    (81, '8', 'eur', -5, true, '2026-02-02Z');
  CREATE TABLE tenant (id int, balance int);
  ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;`;

const declared: Credits = creditsSchema.parse({
  holders: { from: 'account', id: 'id', name: 'name', where: 'not closed' },
  ledger: {
    from: 'entry',
    id: 'id',
    holder: 'account_id',
    kind: 'currency',
    at: 'at',
    amount: 'amount',
    settled: 'done',
    equals: { table: 'wallet', holder: 'account_id', kind: 'currency', column: 'amount' },
  },
});

const keys = ['holderId', 'kind', 'balance', 'ledger', 'difference', 'firstEntry'];

describe.each(targets)('report reconcile on $name', (target) => {
  let database: OpenDatabase;
  let session: Session;

  beforeAll(async () => {
    database = await openDatabase(target);
    ({ session } = database);
    await session.script(rows);
  });

  afterAll(() => database.end());

  it('lists each balance that is not the sum of its ledger, by holder and kind', async () => {
    const report = await reconcileOf(session, declared);
    expect(report.exitCode).toBe(4);
    expect(linesOf(report, ...keys)).toEqual([
      // 9223372036854775808 − 2 × 9223372036854775807 = −9223372036854775806; no sum of first entries is the balance
      '2 eur 9223372036854775808 18446744073709551614 -9223372036854775806 undefined',
      // 12.50 − (10 + 2.5 − 0.25) = 12.50 − 12.25 = 0.25; at the same time, entries 1 and 2 make 12.50
      '1 eur 12.5 12.25 0.25 3',
      // NaN is no sum of 1
      '4 usd NaN 1 null undefined',
      // entry 51 is NaN; there is no wallet
      '5 eur null NaN null undefined',
      // entry 52 is NULL; there is no wallet
      '5 usd null 0 0 undefined',
      // 0 − 4 = −4: before entry 61 the sum is 0; the two usd wallets of 1 + 1 are the 2 of entry 60
      '6 eur 0 4 -4 61',
      // entries of nobody, although they add up to 0
      '8 eur null 0 0 undefined',
    ]);
    expect(dataOf(report).rows.at(-1)?.['holder']).toBeNull();
    expect(dataOf(report).notes).toEqual(
      expect.arrayContaining([
        'not compared, settled entries without a holder: 1',
        'not compared, balances without a holder: 1',
        'settled entries whose amount is NULL, which adds nothing: 1',
        'settled entries whose amount is NaN or infinite: 1',
        'balances that are NULL: 1',
        'balances that are NaN or infinite: 1',
        'holders with several balances, which are added: 1',
        expect.stringMatching(/^first entry: the entries before it add up to the balance/),
      ]),
    );
  });

  it('adds all kinds where the balance has none', async () => {
    const { kind: _, ...equals } = withEquals(declared).ledger.equals;
    const ledger = { ...withEquals(declared).ledger, equals };
    // ann: 12.50 + 3 = 15.50 against 10 + 2.5 − 0.25 + 3 = 15.25
    const report = await reconcileOf(session, { ...declared, ledger }, 'ANN');
    expect(dataOf(report).rows).toEqual([
      expect.objectContaining({ balance: '15.5', ledger: '15.25', difference: '0.25' }),
    ]);
    expect(dataOf(report).rows[0]).not.toHaveProperty('kind');
  });

  it('names no first entry where the order of the entries is not known', async () => {
    const { id: _, ...ledger } = withEquals(declared).ledger;
    const report = await reconcileOf(session, { ...declared, ledger });
    // The entries of ann are at one time; that of fay has its time as its key.
    expect(linesOf(report, 'holderId', 'firstEntry').slice(0, 2)).toEqual([
      '2 undefined',
      '1 undefined',
    ]);
    expect(linesOf(report, 'firstEntry')).toContain('2026-02-03T00:00:00.000Z');
  });

  it('returns the same as findings of verify', async () => {
    const findings = await readOnly(session, () => reconcileFindings(session, declared));
    expect(findings).toHaveLength(7);
    expect(findings[1]).toMatchObject({
      code: 'reconcile',
      severity: 'error',
      key: 'reconcile:1/eur',
      message:
        'The balance of ann (eur) is 12.5; its ledger adds up to 12.25. The entries before 3 add up to the balance.',
    });
    const { ledger: _, ...without } = { ...declared, balances: undefined };
    expect(await readOnly(session, () => reconcileFindings(session, without))).toEqual([]);
  });

  it('counts by kind in the ledger, without sums over kinds', async () => {
    const report = await ledgerOf(session, declared, { month: '2026-02', holder: 'ann' });
    expect(linesOf(report, 'kind', 'opening', 'in', 'out', 'closing', 'entries')).toEqual([
      'eur 0 12.5 0.25 12.25 3',
      'usd 0 3 0 3 1',
    ]);
    expect(dataOf(report).totals).toEqual({ rows: 2, entries: 4 });
    const all = await ledgerOf(session, declared, { month: '2026-02' });
    expect(dataOf(all).notes).toEqual(
      expect.arrayContaining([
        'not counted, entries without a holder: 1',
        'not counted, entries of holders that credits.holders does not have: 2',
        'not counted, entries whose amount is NULL: 1',
        'not counted, entries whose amount is NaN or infinite: 1',
      ]),
    );
  });

  it('takes no name of the database for more than text', async () => {
    const { text, csv, json } = await formsOf(await reconcileOf(session, declared));
    // oxlint-disable-next-line no-control-regex -- the control is what is looked for
    expect(text + csv + json).not.toMatch(/\u001b/);
    expect(text).toContain(String.raw`=1+1,"x"\nforged`);
    expect(text).toContain('8 (no such holder)');
    expect(csv).toContain(`"'=1+1,""x""\nforged",eur,9223372036854775808,18446744073709551614,`);
  });

  // The role is one of the servers.
  it.runIf(target.kind === 'server')('is refused where a policy hides rows', async () => {
    await session.script(
      `GRANT SELECT ON tenant, account, entry TO ${app.user}; SET ROLE ${app.user}`,
    );
    const equals = { table: 'tenant', holder: 'tenant.id', column: 'balance' };
    const ledger = { ...withEquals(declared).ledger, equals };
    await expect(reconcileOf(session, { ...declared, ledger })).rejects.toSatisfy(hidesRows);
    await session.script('RESET ROLE');
  });

  it('names every expression for doctor', () => {
    expect(creditsExpressions(declared).map(({ place }) => place)).toEqual(
      expect.arrayContaining([
        'credits.holders.where',
        'credits.ledger.amount',
        'credits.ledger.equals.column',
        'credits.ledger.equals.holder',
      ]),
    );
  });

  it('shows what to declare where nothing is', () => {
    for (const credits of [undefined, { holders: { from: 'account', id: 'id' } }])
      expect(() => withEquals(credits)).toThrow(
        expect.objectContaining({ code: 'CREDITS.UNDECLARED', exitCode: 2 }),
      );
    const { kind: _, ...ledger } = withEquals(declared).ledger;
    expect(creditsSchema.safeParse({ ...declared, ledger }).success).toBe(false);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { observerOf, type Observer } from '../../src/plan/observe/observer.ts';
import { openDatabase, type OpenDatabase } from '../db/session.ts';
import { newest } from '../db/targets.ts';
import { factsOf, isHazard, judge, observeStatements, runningStatements } from './hazards.ts';
import { observedSchema, roleOfStatements } from './observed-schema.ts';

describe.each(newest)('the verdicts on the observed statements on $name', (target) => {
  let database: OpenDatabase;
  let observer: Observer;

  beforeAll(async () => {
    database = await openDatabase(target);
    await database.session.script(`${observedSchema}\n${roleOfStatements}`);
    observer = await observerOf(database.session);
  });
  afterAll(() => database.end());

  /** The statements are those of PostgreSQL 18. */
  const isOfMajor = ({ sql }: { sql: string }) =>
    target.major >= 18 ||
    !/virtual|not enforced|constraint nnc not null|table p .* not valid/.test(sql);
  const expected = runningStatements.filter((each) => isOfMajor(each) && isHazard(each));

  /** Returns the statements that block. @param above what stands above each of them */
  async function blocking(rows: number, above = ''): Promise<string[]> {
    const { session } = database;
    const facts = await factsOf(session, rows);
    const found: string[] = [];
    for (const { sql } of runningStatements.filter(isOfMajor)) {
      const texts = sql.split('; ').map((each) => above + each);
      const verdicts = await judge(await observeStatements(session, observer, texts), facts);
      if (verdicts.some(({ verdict }) => verdict === 'blocks')) found.push(sql);
    }
    return found;
  }

  it('are blocks for each hazard at 20 million rows, and for nothing else', async () => {
    const hazards = expected.map(({ sql }) => sql);
    expect(await blocking(20_000_000)).toEqual(hazards);
    expect(hazards.length).toBeGreaterThan(40);
  });

  it('are the same with a comment above everything', async () => {
    const hazards = expected.map(({ sql }) => sql);
    const above = '-- BEGIN; a comment\n/* ALTER TABLE x; */\n';
    expect(await blocking(20_000_000, above)).toEqual(hazards);
  });

  it('know the size of a table that was renamed', async () => {
    const { session } = database;
    const statements = await observeStatements(session, observer, [
      'ALTER TABLE t RENAME TO renamed',
      'ALTER TABLE renamed ALTER COLUMN i4 TYPE bigint',
    ]);
    const verdicts = await judge(statements, await factsOf(session, 20_000_000));
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['ok', 'blocks']);
  });

  it('are not blocks at 200 rows', async () => {
    expect(await blocking(200)).toEqual([]);
  });
});
